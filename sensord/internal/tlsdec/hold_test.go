package tlsdec

import (
	"bytes"
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"voiptop/sensord/internal/decode"
)

var tls13 = &tls.Config{MinVersion: tls.VersionTLS13}

func tls12(suite uint16) *tls.Config {
	return &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}
}

func TestConnectionIsHeldBackUntilItsKeysCome(t *testing.T) {
	for name, conf := range map[string]*tls.Config{
		"TLS 1.3": tls13, "TLS 1.2": tls12(tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
	} {
		r := record(t, conf, conf, 4)
		lines := strings.SplitAfter(string(r.keys), "\n")
		for at := range 20 { // the keys come with the flight of this number, or at the end
			t.Run(name, func(t *testing.T) {
				h := listen(Config{})
				p := &player{h: h}
				for i, f := range cutInto(r.flights, 1300) {
					if i == 5*at {
						h.table.Keys(r.keys)
					}
					p.feed(f)
				}
				p.end()
				h.table.Keys(r.keys)
				h.sameAs(t, r)
				if h.table.bytes != 0 || h.table.waiting.Len() > 0 || h.table.byUse.Len() > 0 || h.ended != 2 {
					t.Errorf("left: %d bytes, %d waiting, %d connections", h.table.bytes, h.table.waiting.Len(), h.table.byUse.Len())
				}
			})
		}
		t.Run(name+", a line at a time", func(t *testing.T) {
			h := listen(Config{})
			p := &player{h: h}
			for _, f := range r.flights {
				p.feed(f)
			}
			p.end()
			for _, l := range lines {
				h.table.Keys([]byte(l))
			}
			h.sameAs(t, r)
		})
	}
}

// stamps is a Stream that notes who spoke, and the times.
type stamps struct {
	order []string
	times []int64
}

func (s *stamps) Plain(d *decode.Datagram, b []byte, _ bool) bool {
	word, _, _ := bytes.Cut(b, []byte{'\n'})
	s.order = append(s.order, string(word))
	s.times = append(s.times, d.Time)
	return true
}

func (*stamps) Close() {}

func TestWhatWasHeldBackKeepsItsOrderAndItsTimes(t *testing.T) {
	r := record(t, tls13, tls13, 2)
	var want stamps
	for _, early := range []bool{true, false} {
		var s stamps
		h := &heard{table: New(Config{}, func() Stream { return &s })}
		p := &player{h: h}
		if early {
			h.table.Keys(r.keys)
		}
		for _, f := range r.flights {
			p.feed(f)
		}
		h.table.Keys(r.keys)
		if early {
			want = s
			continue
		}
		if strings.Join(s.order, "|") != strings.Join(want.order, "|") || len(s.order) != 4 {
			t.Errorf("order %q, want %q", s.order, want.order)
		}
		for i := range s.times {
			if s.times[i] != want.times[i] {
				t.Errorf("time %d, want %d", s.times[i], want.times[i])
			}
		}
	}
}

func TestConnectionWithoutKeysIsGivenUpAfterAWhile(t *testing.T) {
	r := record(t, tls13, tls13, 2)
	h := listen(Config{KeyWait: 2e9})
	p := &player{h: h}
	for _, f := range r.flights {
		p.feed(f)
	}
	h.table.Tick(p.now + 1e9)
	if len(h.counters()) > 0 {
		t.Errorf("given up too early: %v", h.counters())
	}
	h.table.Tick(p.now + 3e9)
	h.is(t, "", "", map[string]uint64{"tls.undecrypted.no-key": 1})
	h.table.Keys(r.keys)
	for _, f := range r.flights {
		p.feed(f)
	}
	if !p.gone[0] || !p.gone[1] || h.table.bytes != 0 || h.table.byUse.Len() > 0 {
		t.Errorf("both directions are to be ignored: %v, %d bytes, %d connections", p.gone, h.table.bytes, h.table.byUse.Len())
	}
}

func TestInputThatEndsWithoutKeysIsCounted(t *testing.T) {
	r := record(t, tls13, tls13, 2)
	h := listen(Config{})
	p := &player{h: h}
	for _, f := range r.flights {
		p.feed(f)
	}
	p.end()
	h.table.Close()
	h.is(t, "", "", map[string]uint64{"tls.undecrypted.no-key": 1})
}

func TestOneDirectionAloneIsCountedAsHandshakeThatIsMissing(t *testing.T) {
	r := record(t, tls13, tls13, 2)
	for _, server := range []bool{false, true} {
		h := listen(Config{})
		h.table.Keys(r.keys)
		p := &player{h: h}
		for _, f := range r.flights {
			if f.server == server {
				p.feed(f)
			}
		}
		h.table.Close()
		h.is(t, "", "", map[string]uint64{"tls.undecrypted.handshake": 1})
	}
}

func TestSwappedDirectionsAreReadAllTheSame(t *testing.T) { // two interfaces, one late
	r := record(t, tls13, tls13, 2)
	var swapped []flight
	for _, server := range []bool{true, false} {
		for _, f := range r.flights {
			if f.server == server {
				swapped = append(swapped, f)
			}
		}
	}
	h := listen(Config{})
	h.table.Keys(r.keys)
	p := &player{h: h}
	for _, f := range swapped {
		p.feed(f)
	}
	p.end()
	h.sameAs(t, r)
}

func TestSecretsThatDoNotFitAreCounted(t *testing.T) {
	r := record(t, tls13, tls13, 2)
	keys := []byte(strings.ReplaceAll(string(r.keys), "TRAFFIC_SECRET_0 ", "TRAFFIC_SECRET_1 "))
	for i, c := range keys { // one digit of each handshake secret
		if c == '\n' && keys[i-1] != '0' {
			keys[i-1] = '0'
		} else if c == '\n' {
			keys[i-1] = '1'
		}
	}
	h := listen(Config{})
	h.table.Keys(keys)
	p := &player{h: h}
	for _, f := range r.flights {
		p.feed(f)
	}
	h.is(t, "", "", map[string]uint64{"tls.undecrypted.wrong-key": 1})
}

func TestOldVersionsAndOldSuitesAreCounted(t *testing.T) {
	for want, conf := range map[string]*tls.Config{
		"tls.undecrypted.version": {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"tls.undecrypted.suite":   {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}},
	} {
		r := record(t, conf, conf, 2)
		h := listen(Config{})
		h.table.Keys(r.keys)
		p := &player{h: h}
		for _, f := range r.flights {
			p.feed(f)
		}
		p.end()
		h.is(t, "", "", map[string]uint64{want: 1})
	}
}

func TestSessionsThatAreResumedAreRead(t *testing.T) {
	for name, conf := range map[string]*tls.Config{"TLS 1.3": tls13, "TLS 1.2": tls12(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)} {
		t.Run(name, func(t *testing.T) {
			client, server := conf.Clone(), conf.Clone()
			client.ClientSessionCache, client.ServerName = tls.NewLRUClientSessionCache(4), "pbx"
			server.SetSessionTicketKeys([][32]byte{{1}})
			first, r := record(t, client, server, 2), record(t, client, server, 4)
			if first.state.DidResume || !r.state.DidResume {
				t.Fatal("the session was not resumed")
			}
			for _, keysFirst := range []bool{true, false} {
				h := listen(Config{})
				keys := slices.Concat(first.keys, r.keys)
				if keysFirst {
					h.table.Keys(keys)
				}
				for _, of := range []*recording{first, r} {
					p := &player{h: h}
					for _, f := range of.flights {
						p.feed(f)
					}
					p.end()
				}
				if !keysFirst {
					h.table.Keys(keys)
				}
				h.is(t, first.said[0]+r.said[0], first.said[1]+r.said[1], map[string]uint64{"tls.decrypted": 2})
			}
		})
	}
}
