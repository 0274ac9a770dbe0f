package conf

import "testing"

func TestKeysOfDirectDownloads(t *testing.T) {
	c, err := Parse("c", nil)
	if err != nil || c.DirectDownload != DirectNo || c.DirectPorts != [2]uint16{} {
		t.Errorf("defaults: %q, %v, %v", c.DirectDownload, c.DirectPorts, err)
	}
	for text, want := range map[string]Direct{"lan": DirectLAN, "YES": DirectYes, "no": DirectNo} {
		if c, err := Parse("c", []byte("direct_download = "+text)); err != nil || c.DirectDownload != want {
			t.Errorf("%s: %q, %v", text, c.DirectDownload, err)
		}
	}
	for text, want := range map[string][2]uint16{"60100-60199": {60100, 60199}, "5000": {5000, 5000}} {
		if c, err := Parse("c", []byte("direct_ports = "+text)); err != nil || c.DirectPorts != want {
			t.Errorf("%s: %v, %v", text, c.DirectPorts, err)
		}
	}
	for text, want := range map[string]string{
		"direct_download = wan": `c:1: direct_download: found "wan", expected no, lan or yes; write "direct_download = lan", or yes or no`,
		"direct_ports = 80":     `c:1: direct_ports: found "80", expected a number from 1024 to 65535; write "direct_ports = 60100-60199"`,
		"direct_ports = 9-8":    `c:1: direct_ports: found "9", expected a number from 1024 to 65535; write "direct_ports = 60100-60199"`,
		"direct_ports = 6000-5": `c:1: direct_ports: found "5", expected a number from 6000 to 65535; write "direct_ports = 60100-60199"`,
	} {
		if _, err := Parse("c", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}
