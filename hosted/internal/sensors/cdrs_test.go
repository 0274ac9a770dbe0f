package sensors

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"voiptop/protocol"
	"voiptop/protocol/link"
)

func TestBatchIsAcknowledgedAfterItIsStored(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	s, err := r.online(id, r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.up.Send(t.Context(), batch(t, 5, 1, 0, 500))
	if err != nil {
		t.Fatal(err)
	}
	if n := r.stored(r.tenant); n != 500 || a.Cursor != (link.Cursor{Epoch: 5, Next: 501}) {
		t.Errorf("%d stored, cursor %+v", n, a.Cursor)
	}
}

func TestReplayIsSkippedAndAGapRefused(t *testing.T) {
	r := newRig(t, Limits{})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name               string
		epoch, first, lost uint64
		n                  int
		code               string
		stored             uint64
		next               uint64
	}{
		{"first", 5, 1, 0, 10, "", 10, 11},
		{"replay", 5, 1, 0, 10, "", 10, 11},
		{"overlap", 5, 6, 0, 10, "", 15, 16},
		{"gap", 5, 17, 0, 5, protocol.CodeSequenceGap, 15, 0},
		{"gap larger than what was lost", 5, 18, 1, 5, protocol.CodeSequenceGap, 15, 0},
		{"lost", 5, 18, 2, 5, "", 20, 23},
		{"replay of lost", 5, 18, 2, 5, "", 20, 23},
		{"only lost", 5, 30, 7, 0, "", 20, 30},
		{"new epoch", 6, 40, 0, 5, "", 25, 45},
		{"earlier epoch", 5, 23, 0, 5, protocol.CodeSequenceGap, 25, 0},
	} {
		a, err := s.up.Send(t.Context(), batch(t, step.epoch, step.first, step.lost, step.n))
		switch {
		case step.code != "":
			p := wantProblem(t, err, step.code)
			if p.Fields["next"] == "" {
				t.Errorf("%s: problem does not tell where to go on: %v", step.name, p.Fields)
			}
		case err != nil:
			t.Errorf("%s: %v", step.name, err)
		case a.Cursor != link.Cursor{Epoch: step.epoch, Next: step.next}:
			t.Errorf("%s: cursor %+v, want next %d", step.name, a.Cursor, step.next)
		}
		if n := r.stored(r.tenant); n != step.stored {
			t.Errorf("%s: %d calls stored, want %d", step.name, n, step.stored)
		}
		if n := r.counted.Load(); n != step.stored {
			t.Errorf("%s: %d calls told of as stored, want each once: %d", step.name, n, step.stored)
		}
	}
}

func TestBatchesBeyondABoundAreRefused(t *testing.T) {
	r := newRig(t, Limits{})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	big := cdr(1)
	big.Reason = strings.Repeat("x", link.MaxRecord)
	zeros := &link.Batch{Epoch: 1, First: 1}
	for range 20 {
		zeros.CDRs = append(zeros.CDRs, record(t, protocol.CDR{Reason: strings.Repeat("\x00", link.MaxRecord-100)}))
	}
	noise := make([]byte, link.MaxBatchBytes+1)
	rand.NewChaCha8([32]byte{}).Read(noise)
	// 400 CDRs of 4000 streams each, a byte a stream: small on the wire, large in memory.
	streams := append([]byte{0xa1, 0x18, 32, 0x99, 0x0f, 0xa0}, strings.Repeat("\xa0", 4000)...)
	many := &link.Batch{Epoch: 1, First: 1}
	for i := range uint64(400) {
		c := record(t, protocol.CDR{ID: cdr(i + 1).ID, Start: 1})
		c[0]++ // one pair more
		many.CDRs = append(many.CDRs, append(c, streams[1:]...))
	}
	for _, c := range []struct {
		name   string
		body   []byte
		status int
	}{
		{"501 calls", batch(t, 1, 1, 0, 501), http.StatusRequestEntityTooLarge},
		{"one call of a megabyte", encode(t, &link.Batch{Epoch: 1, First: 1, CDRs: []cbor.RawMessage{record(t, big)}}), http.StatusRequestEntityTooLarge},
		{"decompressed 20 MB", encode(t, zeros), http.StatusRequestEntityTooLarge},
		{"compressed more than 4 MB", noise, http.StatusRequestEntityTooLarge},
		{"decoded 600 MB", encode(t, many), http.StatusRequestEntityTooLarge},
		{"no zstd", []byte("hello"), http.StatusBadRequest},
		{"epoch 0", batch(t, 0, 1, 0, 1), http.StatusBadRequest},
		{"number 0", batch(t, 1, 0, 0, 1), http.StatusBadRequest},
	} {
		_, err := s.up.Send(t.Context(), c.body)
		if p := wantProblem(t, err, protocol.CodeBadRequest); p.Status != c.status {
			t.Errorf("%s: status %d, want %d (%v)", c.name, p.Status, c.status, p)
		}
	}
	if n := r.stored(r.tenant); n != 0 {
		t.Errorf("%d calls stored", n)
	}
	if _, err := s.up.Send(t.Context(), batch(t, 1, 1, 0, 1)); err != nil {
		t.Errorf("a good batch afterwards: %v", err)
	}
}

func TestCallThatCannotBeTakenIsNamed(t *testing.T) {
	r := newRig(t, Limits{})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &link.Batch{Epoch: 1, First: 1, CDRs: []cbor.RawMessage{record(t, cdr(1)), {0x01}, record(t, cdr(3))}}
	_, err = s.up.Send(t.Context(), encode(t, b))
	if p := wantProblem(t, err, protocol.CodeBadRequest); p.Fields[link.FieldSeq] != "2" {
		t.Errorf("fields %v, want seq 2", p.Fields)
	}
}

func TestSensorCannotPassItsCallsForAnothers(t *testing.T) {
	r := newRig(t, Limits{})
	s, err := r.online(r.enrol(r.tenant, 7), r.info(7, "b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := cdr(1)
	c.SensorID, c.CallerName, c.Streams = 8, "Ren\xe9\x00", []protocol.Stream{{Codec: "\xff"}}
	if _, err := s.up.Send(t.Context(), encode(t, &link.Batch{Epoch: 1, First: 1, CDRs: []cbor.RawMessage{record(t, c)}})); err != nil {
		t.Fatal(err)
	}
	got, err := r.store.Call(t.Context(), r.tenant, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.SensorID != 7 || got.CallerName != "Ren\uFFFD\uFFFD" || got.Streams[0].Codec != "\uFFFD" {
		t.Errorf("stored as sensor %d, name %q, codec %q", got.SensorID, got.CallerName, got.Streams[0].Codec)
	}
}

func TestCallsBeforeHelloAreRefused(t *testing.T) {
	r := newRig(t, Limits{})
	c, err := link.Connect(t.Context(), r.dialer(r.enrol(r.tenant, 7)), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Send(t.Context(), batch(t, 1, 1, 0, 1))
	wantProblem(t, err, protocol.CodeBadRequest)
}

// Connections are cut after a random number of bytes, in either direction, whatever is on the way: a handshake, a hello, a
// batch, its acknowledgement. Every call is in the store, once.
func TestEveryCallIsStoredOnceThoughConnectionsAreCut(t *testing.T) {
	r := newRig(t, Limits{})
	id := r.enrol(r.tenant, 7)
	rnd := rand.New(rand.NewPCG(1, 2))
	proxy := newCutter(t, r.addr, func() int { return 500 + rnd.IntN(12_000) })
	const total, size = 3000, 100
	d := r.dialer(id)
	visits, at := 0, uint64(1)
	for ; at <= total && visits < 2000; visits++ {
		func() {
			c, err := link.Connect(t.Context(), d, proxy.addr)
			if err != nil {
				return
			}
			defer c.Close()
			a, err := c.Hello(t.Context(), link.Hello{Info: r.info(7, "b")})
			if err != nil {
				return
			}
			if a.Cursor.Next > at { // stored, and the acknowledgement was cut
				at = a.Cursor.Next
			}
			for at <= total {
				n := min(size, int(total-at+1))
				b, err := c.Send(t.Context(), batch(t, 9, at, 0, n))
				if err != nil {
					return
				}
				at = b.Cursor.Next
			}
		}()
	}
	if cuts := proxy.cuts(); cuts < 5 {
		t.Fatalf("only %d connections were cut", cuts)
	}
	if n := r.stored(r.tenant); n != total {
		t.Errorf("%d calls stored after %d connections, want %d", n, visits, total)
	}
	t.Logf("%d connections, %d of them cut", visits, proxy.cuts())
}

// cutter is a TCP proxy that cuts each connection after some bytes.
type cutter struct {
	addr string
	mu   sync.Mutex
	n    int
}

func (c *cutter) cuts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func newCutter(t *testing.T, to string, after func() int) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{addr: ln.Addr().String()}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() { stop(); ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			a, err := ln.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			c.mu.Lock()
			left := int64(after()) // of both directions together
			c.mu.Unlock()
			end := func() { a.Close(); b.Close() }
			unwatch := context.AfterFunc(ctx, end)
			pass := func(dst io.Writer, src io.Reader) {
				buf := make([]byte, 512)
				for {
					n, err := src.Read(buf)
					c.mu.Lock()
					cut := int64(n) > left
					n = int(min(int64(n), left))
					left -= int64(n)
					if cut {
						c.n++
						left = 0
					}
					c.mu.Unlock()
					if _, werr := dst.Write(buf[:n]); err != nil || werr != nil || cut {
						end()
						return
					}
				}
			}
			wg.Go(func() { pass(a, b) })
			wg.Go(func() { pass(b, a); unwatch() })
		}
	})
	return c
}

func TestCleanLeavesGoodStringsAlone(t *testing.T) {
	want := cdr(1)
	want.Messages = []protocol.Message{{FirstLine: "INVITE sip:é@x SIP/2.0"}}
	got := want
	got.Messages = append([]protocol.Message{}, want.Messages...)
	clean(reflect.ValueOf(&got).Elem())
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
