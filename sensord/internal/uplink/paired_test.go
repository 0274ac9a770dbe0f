package uplink

import (
	"sync/atomic"
	"testing"

	"voiptop/protocol"
)

func TestTheSensorHearsWhoItIsBeforeEachHello(t *testing.T) {
	h := newHosted(t)
	var told, asked atomic.Int32
	b := run(t, h, openJournal(t, t.TempDir()), func(c *Config) {
		info := c.Info
		c.Paired = func(id protocol.UUID) {
			if id != (protocol.UUID{1, 2, 3}) {
				t.Errorf("paired as %s", id)
			}
			told.Add(1)
		}
		c.Info = func() protocol.SensorInfo {
			asked.Store(told.Load())
			return info()
		}
	})
	b.eventually("up", b.up)
	h.drop()
	b.eventually("up again", func() bool { return told.Load() == 2 && b.up() })
	if asked.Load() != 2 {
		t.Error("what the sensor says of itself was asked before it knew")
	}
}
