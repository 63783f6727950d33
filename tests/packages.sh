#!/bin/sh
# What somebody installs, from any directory: sh tests/packages.sh [PROGRAM]
#
# Makes the Debian package of a release build, or of PROGRAM, unpacks it into a directory, and tries what is in it: the program,
# its manual pages and completions, the unit, and the example of a proxy with nginx on loopback: pages, forms, records that
# followers get at once, the client's address, the size of a body. As root it also installs the package into that directory.
# Needs Debian's dpkg, binutils, gzip, curl, openssl and nginx. Not part of tests/all.sh, because it needs a release build.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "tests/packages.sh: $*" >&2
    exit 1
}

for tool in dpkg-deb objdump strip gzip curl openssl nginx; do
    command -v "$tool" >/dev/null || fail "there is no $tool"
done

if [ $# -gt 0 ]; then
    program=$1
else
    cargo build --release --locked --features objects,postgres --bin servanda
    program=${CARGO_TARGET_DIR:-target}/release/servanda
fi

work=$(mktemp -d)
server=
proxy=
finish() {
    [ -z "$proxy" ] || kill "$proxy" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT INT TERM

echo "==> the package"
package=$(sh packaging/deb.sh "$program" "$work")
dpkg-deb --info "$package" | sed -n 's/^ \(Package\|Version\|Depends\|Installed-Size\)/\1/p'
root=$work/root
mkdir "$root"
dpkg-deb --extract "$package" "$root"
if [ "$(id -u)" = 0 ]; then
    # With a database of its own: the files are unpacked once more and the scripts run.
    mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers"
    : > "$root/var/lib/dpkg/status"
    dpkg --root="$root" --force-depends --force-script-chrootless --install "$package" > "$work/dpkg.log" 2>&1 ||
        { cat "$work/dpkg.log" >&2; fail "dpkg does not install it"; }
    grep -q '^Status: install ok installed' "$root/var/lib/dpkg/status" || fail "it is not installed"
fi
installed=$root/usr/bin/servanda
"$installed" --version
[ "$(zcat "$root/usr/share/man/man1/servanda-serve.1.gz" | grep -c '^\.SH')" -gt 3 ] || fail "the manual page is empty"
for file in bash-completion/completions/servanda zsh/vendor-completions/_servanda fish/vendor_completions.d/servanda.fish; do
    [ -s "$root/usr/share/$file" ] || fail "there is no $file"
done
if command -v systemd-analyze >/dev/null; then
    sed "s|/usr/bin/servanda|$installed|" "$root/usr/lib/systemd/system/servanda.service" > "$work/servanda.service"
    systemd-analyze verify --man=no --recursive-errors=no "$work/servanda.service" || fail "the unit is wrong"
fi

echo "==> the program, installed"
HOME=$work
export HOME
ledger=$work/ledger
"$installed" init --ledger "$ledger" --origin example.org/packaged >/dev/null 2>&1
"$installed" import --ledger "$ledger" fixtures/communique.ndjson >/dev/null 2>&1
"$installed" verify --ledger "$ledger" >/dev/null || fail "the ledger is not sound"
token=$("$installed" access add ana --role recorder --ledger "$ledger" 2>/dev/null)
"$installed" serve --ledger "$ledger" --listen 127.0.0.1:8377 --host ledger.example.org > "$work/out" 2> "$work/log" &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    grep -q listening "$work/out" && break
    sleep 0.5
done

echo "==> behind nginx"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ledger.example.org -addext subjectAltName=DNS:ledger.example.org \
    -keyout "$work/key" -out "$work/crt" 2>/dev/null
mkdir "$work/nginx"
# As root its workers would be another user, who may not write bodies into the directory.
user=
[ "$(id -u)" != 0 ] || user='user root;'
cat > "$work/nginx.conf" <<END
$user
pid $work/nginx.pid;
error_log $work/nginx-error.log;
daemon off;
events {}
http {
    log_format addressed '\$remote_addr \$status \$uri';
    access_log $work/nginx-access.log addressed;
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
    include $work/servanda.conf;
}
END
sed -e "s|/etc/ssl/ledger.example.org|$work/|" -e "s|$work/\.|$work/|" -e 's/listen 443 ssl/listen 127.0.0.1:8443 ssl/' packaging/nginx.conf > "$work/servanda.conf"
nginx -q -t -c "$work/nginx.conf" || fail "nginx does not take the example"
nginx -c "$work/nginx.conf" &
proxy=$!
sleep 1
site=https://ledger.example.org:8443
ask() {
    curl --silent --show-error --cacert "$work/crt" --connect-to ledger.example.org:8443:127.0.0.1:8443 "$@"
}
status() {
    ask --output /dev/null --write-out '%{http_code}' "$@"
}

[ "$(status "$site/")" = 303 ] || fail "a page is shown without a token"
jar=$work/cookies
[ "$(status --cookie-jar "$jar" --header "Origin: $site" --data-urlencode "token=$token" "$site/login")" = 303 ] || fail "nobody can log in"
ask --cookie "$jar" "$site/" | grep -q 'None was kept or broken on record' || fail "the overview is not shown"
csrf=$(ask --cookie "$jar" "$site/record/note" | sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' | head -1)
[ "$(status --cookie "$jar" --header "Origin: $site" --data-urlencode "csrf=$csrf" --data text=hello --data step=save "$site/record/note")" = 303 ] ||
    fail "a form is not taken"
[ "$(status --cookie "$jar" --header 'Origin: https://evil.example' --data-urlencode "csrf=$csrf" --data text=hello --data step=save "$site/record/note")" = 403 ] ||
    fail "a form from another site is taken"
echo "pages and forms: ok"

# A follower gets a record while it waits, not when a buffer is full.
ask --no-buffer --max-time 20 --header "Authorization: Bearer $token" "$site/api/v1/events" > "$work/events" 2>/dev/null &
follower=$!
sleep 1
posted=$(ask --header "Authorization: Bearer $token" --header 'Content-Type: application/json' \
    --data '{"event":"note","text":"through the proxy"}' "$site/api/v1/events" | sed -n 's/.*"record":\([0-9]*\).*/\1/p')
for _ in 1 2 3 4 5 6 7 8; do
    grep -q "^id: $posted\$" "$work/events" && break
    sleep 0.25
done
grep -q "^id: $posted\$" "$work/events" || fail "a follower does not get record $posted at once"
kill "$follower" 2>/dev/null || true
echo "followers: ok"

head -c 16000000 /dev/zero | tr '\0' ' ' > "$work/large"
head -c 17000000 /dev/zero | tr '\0' ' ' > "$work/larger"
batch() {
    status --header "Authorization: Bearer $token" --header 'Content-Type: application/json' --data-binary "@$1" "$site/api/v1/events"
}
# One line of a batch has its own limit, of which servanda tells.
for body in 'large 422' 'larger 413'; do
    got=$(batch "$work/${body% *}")
    [ "$got" = "${body#* }" ] || fail "a ${body% *} body is answered with $got: $(tail -2 "$work/nginx-error.log")"
done
# A document may be as long as such a batch, with the rest of its form besides.
[ "$(status --cookie "$jar" --header "Origin: $site" --form "csrf=$csrf" --form id=S9 --form kind=report --form title=Minutes \
    --form step=preview --form "document-of-digest=@$work/large" "$site/record/source")" = 200 ] || fail "a document of 16 MB does not arrive"
echo "sizes of bodies: ok"

grep -q '^127.0.0.1 303 /login' "$work/nginx-access.log" || fail "the proxy does not log the client's address"
statuses=$(for number in $(seq 30); do status --header "Origin: $site" --data "token=servanda_$number" "$site/login"; echo; done | sort | uniq -c)
echo "$statuses" | grep -q ' 503' || fail "tokens can be tried without end: $statuses"
echo "tries of tokens: ok"

kill -TERM "$server"
wait "$server" || fail "the server did not stop as it should"
server=
"$installed" verify --ledger "$ledger" >/dev/null || fail "the ledger is not sound"
echo "==> all passed"
