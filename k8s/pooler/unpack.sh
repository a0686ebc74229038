#!/bin/sh
# unpack.sh SUITE FOLDER PACKAGE…: unpack packages of a Debian release into FOLDER, without installing them.
set -eu
suite=$1 folder=$2
shift 2
work=$(mktemp -d)
mkdir -p "$work/lists/partial" "$work/archives/partial" "$folder/usr/share/cift"
cat > "$work/debian.sources" << END
Types: deb
URIs: http://deb.debian.org/debian
Suites: $suite $suite-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: $suite-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
apt() {
    apt-get -qq -o "Dir::Etc::sourcelist=$work/debian.sources" -o Dir::Etc::sourceparts=- \
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o Acquire::Languages=none \
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false -o APT::Sandbox::User=root "$@"
}
apt update
cd "$work/archives"
apt download "$@"
for package in *.deb; do
    dpkg-deb --extract "$package" "$folder"
    dpkg-deb --show --showformat '${Package} ${Version}\n' "$package" >> "$folder/usr/share/cift/debian.txt"
done
rm -rf "$work" "$folder/usr/share/doc" "$folder/usr/share/man" "$folder/usr/share/locale" "$folder/etc"
