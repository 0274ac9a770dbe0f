#!/bin/sh
# After install and upgrade: the user. It starts nothing that was not running.
set -e
getent group hosted >/dev/null || groupadd --system hosted
getent passwd hosted >/dev/null || useradd --system --gid hosted --no-create-home --home-dir /var/lib/hosted --shell /usr/sbin/nologin hosted
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart hosted.service
fi
if [ "$1" = 1 ] || { [ "$1" = configure ] && [ -z "${2:-}" ]; }; then # not at an upgrade: rpm, dpkg
	cat <<TEXT

hosted is installed. What is left to do:
  edit /etc/default/hosted
  systemctl enable --now hosted
  journalctl -u hosted                           the first start prints the administrator's password, once

TEXT
fi
