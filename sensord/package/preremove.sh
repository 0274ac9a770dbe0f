#!/bin/sh
# Before the package goes, not at an upgrade (dpkg says remove, rpm 0). Records, captures and the identity stay.
set -e
if [ -d /run/systemd/system ] && { [ "$1" = remove ] || [ "$1" = 0 ]; }; then
	systemctl disable --now sensord.service
fi
