#!/bin/bash
# Shows pip's output as one progress line, and the complete output if pip fails.
# The pipe loses pip's exit code, so this looks for lines with ERROR.
what=$1; count=0; log=$(mktemp); trap 'rm -f "$log"' EXIT
while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    case $line in
        Collecting*|*Downloading*) count=$((count + 1)); [ -t 1 ] && printf '\r   %s fetched: %d' "$what" "$count" || { [ $((count % 25)) = 0 ] && printf '   %s fetched: %d\n' "$what" "$count"; } ;;
        Installing\ collected*) printf '\n   installing …\n' ;;
    esac
done
if grep -q '^ERROR' "$log"; then cat "$log"; exit 1; fi
tail -n 1 "$log" | cut -c1-100
