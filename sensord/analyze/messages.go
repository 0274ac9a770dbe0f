package analyze

import (
	"context"
	"errors"
	"fmt"
	"io"

	"voiptop/protocol"
	"voiptop/sensord/internal/sip"
)

// ErrEnough ends Messages before the end of its input, and is no error of it.
var ErrEnough = errors.New("enough messages")

// Messages reads packets to their end and gives emit each SIP message whole, in the order in which the messages end; of TLS with the
// secrets of keys, lines of a key log, and those of the input. What emit gets is valid until it returns; its error ends the reading.
func Messages(ctx context.Context, in Source, keys []byte, emit func(d *Datagram, callID, message []byte, transport string) error) error {
	var failed error
	var m sip.Message
	e := New(Config{TLSKeys: keys, SIP: func(d *Datagram, message []byte, transport string) {
		if failed == nil && m.Parse(message) == nil {
			failed = emit(d, m.CallID(), message, transport)
		}
	}}, unheard{})
	var p Packet
	for n := 0; failed == nil; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		switch err := in.Next(&p); {
		case err == nil:
			e.Packet(&p)
			continue
		case !errors.Is(err, io.EOF):
			return fmt.Errorf("read packets: %w", err)
		}
		e.Close()
		break
	}
	if errors.Is(failed, ErrEnough) {
		return nil
	}
	return failed
}

// unheard is a Sink for which only the messages count.
type unheard struct{ KeepsNothing }

// Call implements Sink.
func (unheard) Call(*protocol.CDR) {}
