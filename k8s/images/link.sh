#!/bin/sh
# link.sh PROGRAM ROOT: copy into ROOT what PROGRAM needs of this system to run alone there.
set -eu
# The loader and the libraries it names; a statically linked program has none.
for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' || true); do
    cp -L --parents "$library" "$2"
done
mkdir -p "$2/etc/ssl/certs" "$2/tmp"
chmod 1777 "$2/tmp"
cp -L /etc/ssl/certs/ca-certificates.crt "$2/etc/ssl/certs/"
echo 'hosts: files dns' > "$2/etc/nsswitch.conf"
echo 'nonroot:x:65532:65532::/:/nonexistent' > "$2/etc/passwd"
echo 'nonroot:x:65532:' > "$2/etc/group"
