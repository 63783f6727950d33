#!/bin/sh
# Makes the Debian package of a built program, from any directory: sh packaging/deb.sh target/release/servanda DIRECTORY
#
# Needs dpkg-deb, gzip and strip. The package holds the program, its manual pages, completions for bash, zsh and fish, the unit
# of systemd, and an example of a proxy.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
out=$(realpath "$2")

version=$("$program" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

put() {
    install -D -m "$1" "$2" "$root/$3"
}

put 755 "$program" usr/bin/servanda
strip --strip-unneeded "$root/usr/bin/servanda"
put 644 "$here/servanda.service" usr/lib/systemd/system/servanda.service
put 644 "$here/sysusers.conf" usr/lib/sysusers.d/servanda.conf
put 644 "$here/default" etc/default/servanda
put 644 "$here/nginx.conf" usr/share/doc/servanda/examples/nginx.conf
put 644 "$here/../LICENSE-MIT" usr/share/doc/servanda/LICENSE-MIT
put 644 "$here/../LICENSE-APACHE" usr/share/doc/servanda/LICENSE-APACHE
put 644 "$here/../docs/serving.md" usr/share/doc/servanda/serving.md
put 644 "$here/copyright" usr/share/doc/servanda/copyright

mkdir -p "$root/usr/share/man/man1"
"$program" man "$root/usr/share/man/man1" --quiet
gzip -9 -n "$root"/usr/share/man/man1/*.1
for shell in bash zsh fish; do
    "$program" completions "$shell" > "$root/$shell.completion"
done
put 644 "$root/bash.completion" usr/share/bash-completion/completions/servanda
put 644 "$root/zsh.completion" usr/share/zsh/vendor-completions/_servanda
put 644 "$root/fish.completion" usr/share/fish/vendor_completions.d/servanda.fish
rm "$root"/*.completion

# Of the libraries that the program is linked to, the package that has the C library says which version it needs.
libc=$(objdump -T "$root/usr/bin/servanda" | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -V | tail -1)
mkdir "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<END
Package: servanda
Version: $version
Architecture: $architecture
Maintainer: The servanda authors <servanda@example.org>
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: libc6 (>= $libc), libgcc-s1
Suggests: nginx
Section: database
Priority: optional
Description: append-only, hash-chained audit log of agreements and commitments
 Who promised what to whom, by when, and what became of it. No record is ever
 changed, reports answer what stood on a day, and verify finds whatever was
 altered since. The service serves a ledger to many in a browser.
END
echo /etc/default/servanda > "$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "$here/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find etc usr -type f -exec md5sum {} +) > "$root/DEBIAN/md5sums"
name=servanda_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$out/$name" >/dev/null
echo "$out/$name"
