#!/bin/sh
# After install and upgrade: the user, the folders, the right to read the configuration. It starts nothing that was not running.
set -e
conf=/etc/voipmonitor.conf
getent group sensord >/dev/null || groupadd --system sensord
getent passwd sensord >/dev/null || useradd --system --gid sensord --no-create-home --home-dir /var/lib/sensord --shell /usr/sbin/nologin sensord
for dir in /var/lib/sensord /var/spool/sensord; do
	[ -d "$dir" ] || install -d -o sensord -g sensord -m 0750 "$dir"
done
if [ ! -e "$conf" ]; then
	umask 027
	cat >"$conf" <<CONF
# sensord and voipmonitor read this file: /usr/share/doc/sensord/configuration.md
id_sensor = 1
interface = any
# where the calls go: the page Sensors of hosted says what to write here
#server_destination = HOST
packetbuffer_sender = yes
CONF
	chgrp sensord "$conf"
fi
for file in "$conf" /etc/voipmonitor/conf.d/*; do
	if [ -f "$file" ] && ! runuser -u sensord -- test -r "$file"; then
		chgrp sensord "$file"
		chmod g+r "$file"
	fi
done
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart sensord.service
fi
spool=$(sed -n 's/^[[:space:]]*spooldir[[:space:]]*=[[:space:]]*\([^#;[:space:]]*\).*/\1/p' "$conf" | tail -n 1)
if [ -n "$spool" ] && [ -d "$spool" ] && ! runuser -u sensord -- test -w "$spool"; then
	echo "spooldir = $spool: the user sensord may not write there; name another folder, or: chown sensord $spool"
fi
if [ "$1" = 1 ] || { [ "$1" = configure ] && [ -z "${2:-}" ]; }; then # not at an upgrade: rpm, dpkg
	cat <<TEXT

sensord is installed. What is left to do:
  edit $conf                  interface, id_sensor, server_destination
  sudo -u sensord voipmon pair --token -         with a token of hosted's page Sensors
  systemctl enable --now sensord
  sudo voipmon doctor --wait                     says what is wrong until the first call is stored

TEXT
fi
