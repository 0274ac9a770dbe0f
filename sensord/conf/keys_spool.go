package conf

import (
	"fmt"
	"strings"
)

// spoolKeys are the keys about captures at rest, docs/captures.md.
func spoolKeys() map[string]key {
	return map[string]key{
		"spooldir": {
			example: `write "spooldir = /var/spool/sensord"`, doc: "folder of the captures that rules keep",
			set: func(p *parser, s setting) error { p.c.SpoolDir = s.value; return nil },
		},
		"maxpoolsize": {
			example: `write "maxpoolsize = 102400" (MB)`, doc: "captures are removed, oldest first, beyond this size, MB; 0: no limit",
			set: func(p *parser, s setting) (err error) { p.c.MaxPoolMB, err = number(s.value, 0, 1<<31-1); return err },
		},
		"maxpooldays": {
			example: `write "maxpooldays = 30"`, doc: "captures are removed after so many days; 0: no limit",
			set: func(p *parser, s setting) (err error) { p.c.MaxPoolDays, err = number(s.value, 0, 100_000); return err },
		},
		"autocleanmingb": {
			example: `write "autocleanmingb = 5" (GB)`, doc: "captures are removed, oldest first, until so much of the disk is free, GB; 0: they are not; unless set 1, or a tenth of the disk if that is less",
			set: func(p *parser, s setting) (err error) { p.c.MinFreeGB, err = number(s.value, 0, 1<<20); return err },
		},
		"capture_compress": {
			example: `write "capture_compress = zstd" or no`, doc: "compress the captures of ended calls: no or zstd",
			set: func(p *parser, s setting) error {
				switch strings.ToLower(s.value) {
				case "no":
					p.c.Compress = false
				case "zstd":
					p.c.Compress = true
				default:
					return fmt.Errorf("found %q, expected no or zstd", clip(s.value))
				}
				return nil
			},
		},
		"capture_window_mb": {
			example: `write "capture_window_mb = 64" (MB)`, doc: "memory in which packets are held until it is known whether a rule keeps them, MB",
			set: func(p *parser, s setting) (err error) { p.c.WindowMB, err = number(s.value, 1, 1024); return err },
		},
		"capture_window_disk_mb": {
			example: `write "capture_window_disk_mb = 4096" (MB)`, doc: "disk space in which they are held when that is full, MB; 0: none",
			set: func(p *parser, s setting) (err error) {
				p.c.WindowDiskMB, err = number(s.value, 0, 1<<31-1)
				return err
			},
		},
	}
}
