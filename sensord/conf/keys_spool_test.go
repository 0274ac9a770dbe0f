package conf

import "testing"

func TestKeysOfTheSpool(t *testing.T) {
	c, err := Parse("c", []byte("autocleanmingb = 5\ncapture_compress = zstd\ncapture_window_mb = 128\ncapture_window_disk_mb = 0"))
	if err != nil || c.MinFreeGB != 5 || !c.Compress || c.WindowMB != 128 || c.WindowDiskMB != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = Parse("c", nil); err != nil || c.MinFreeGB != -1 || c.Compress || c.WindowMB != 64 || c.WindowDiskMB != 4096 {
		t.Errorf("defaults: %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"capture_compress = gzip": `c:1: capture_compress: found "gzip", expected no or zstd; write "capture_compress = zstd" or no`,
		"capture_window_mb = 0":   `c:1: capture_window_mb: found "0", expected a number from 1 to 1024; write "capture_window_mb = 64" (MB)`,
	} {
		if _, err := Parse("c", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}
