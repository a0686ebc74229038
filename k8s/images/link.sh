#!/bin/sh
# link.sh PROGRAM ROOT: copy into ROOT everything that PROGRAM needs from this system to run there.
set -eu
# The loader and the libraries it names; a statically linked program has none.
libraries=$(ldd "$1" 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' || true)
for library in $libraries; do
    cp -L --parents "$library" "$2"
done
mkdir -p "$2/etc/ssl/certs" "$2/tmp" "$2/usr/share/cift"
# List the libraries' Debian packages, for vulnerability scanners. With a merged /usr, dpkg knows a file by its path
# below /lib or below /usr/lib.
{
    echo ca-certificates
    for library in $libraries; do
        dpkg -S "$library" 2>/dev/null || dpkg -S "/usr$library" 2>/dev/null || true
    done | cut -d: -f1
} | sort -u | xargs dpkg-query -W -f '${Package} ${Version}\n' > "$2/usr/share/cift/debian.txt"
chmod 1777 "$2/tmp"
cp -L /etc/ssl/certs/ca-certificates.crt "$2/etc/ssl/certs/"
echo 'hosts: files dns' > "$2/etc/nsswitch.conf"
echo 'nonroot:x:65532:65532::/:/nonexistent' > "$2/etc/passwd"
echo 'nonroot:x:65532:' > "$2/etc/group"
