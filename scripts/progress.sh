#!/bin/bash
# Turns pip's long output into one moving line; the whole output is shown when pip fails.
# pip's own exit code is lost in the pipe, so failure is read from its last words.
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
