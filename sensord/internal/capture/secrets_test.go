package capture

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// secretsBlock writes a decryption secrets block: type 4 | length 4 | secrets.
func secretsBlock(order binary.AppendByteOrder, kind uint32, text string) []byte {
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, uint32(len(text)))
	return ngBlock(order, blockSecrets, append(b, text...))
}

func TestSecretsOfAFileComeWithThePacketsAfterThem(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		b := append(ngSection(order), ngInterfaceBlock(order, ngIface{LinkRaw, -1, 0})...)
		b = append(b, secretsBlock(order, secretsTLS, "one\n")...)
		b = append(b, secretsBlock(order, 0x57474b4c, "a WireGuard key\n")...)
		b = append(b, secretsBlock(order, secretsTLS, "two, without an end of line")...)
		b = append(b, ngBlock(order, blockSecrets, order.AppendUint32(nil, secretsTLS))...) // too short
		b = append(b, secretsBlock(order, secretsTLS, "three")...)
		for i := range windowSize + 10 {
			b = append(b, ngPacket(order, pkt{data: "packet"}, uint64(i))...)
		}
		b = append(b, secretsBlock(order, secretsTLS, "late\n")...)
		b = append(b, ngPacket(order, pkt{data: "packet"}, windowSize+10)...)
		s, err := Open([]string{write(t, t.TempDir(), "a.pcapng", b)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var got []string
		n := 0
		for p := (Packet{}); ; n++ {
			if err := s.Next(&p); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				break
			}
			if p.Secrets != nil {
				got = append(got, string(p.Secrets))
			}
		}
		if st := s.Stats(); n != windowSize+11 || len(st.Warnings) > 0 {
			t.Errorf("%d packets, warnings %v", n, st.Warnings)
		}
		if strings.Join(got, "|") != "one\n\ntwo, without an end of line\nthree|late\n" {
			t.Errorf("secrets %q", got)
		}
	}
}

func TestSecretsBlockThatClaimsMoreThanItHasEndsAtItsLastLine(t *testing.T) {
	le := binary.LittleEndian
	b := append(ngSection(le), ngInterfaceBlock(le, ngIface{LinkRaw, -1, 0})...)
	body := le.AppendUint32(le.AppendUint32(nil, secretsTLS), 1<<31)
	b = append(b, ngBlock(le, blockSecrets, append(body, "whole\ncut"...))...)
	b = append(b, ngPacket(le, pkt{data: "packet"}, 1)...)
	s, err := Open([]string{write(t, t.TempDir(), "a.pcapng", b)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var p Packet
	if err := s.Next(&p); err != nil || string(p.Secrets) != "whole\n" {
		t.Errorf("%v, secrets %q", err, p.Secrets)
	}
}
