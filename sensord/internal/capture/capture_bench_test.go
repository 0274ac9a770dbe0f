package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// bigPcap writes a pcap of n frames of size bytes, 20 ms / 1000 apart.
func bigPcap(n, size int) []byte {
	var b bytes.Buffer
	h := make([]byte, 24)
	binary.LittleEndian.PutUint32(h, magicMicro)
	binary.LittleEndian.PutUint32(h[16:], 65535)
	binary.LittleEndian.PutUint32(h[20:], LinkEthernet)
	b.Write(h)
	frame := make([]byte, size)
	for i := range n {
		p := make([]byte, 16)
		us := i * 20
		binary.LittleEndian.PutUint32(p, uint32(1e9+us/1e6))
		binary.LittleEndian.PutUint32(p[4:], uint32(us%1e6))
		binary.LittleEndian.PutUint32(p[8:], uint32(size))
		binary.LittleEndian.PutUint32(p[12:], uint32(size))
		b.Write(p)
		b.Write(frame)
	}
	return b.Bytes()
}

func BenchmarkReadPcap(b *testing.B) {
	const n = 100_000
	path := filepath.Join(b.TempDir(), "big.pcap")
	if err := os.WriteFile(path, bigPcap(n, 214), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var p Packet
	read := 0
	var s Source
	for range b.N {
		if s == nil {
			var err error
			if s, err = Open([]string{path}, Options{}); err != nil {
				b.Fatal(err)
			}
		}
		err := s.Next(&p)
		if errors.Is(err, io.EOF) {
			s = nil
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		read++
	}
}
