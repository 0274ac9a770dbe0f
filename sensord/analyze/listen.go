package analyze

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/internal/audio"
)

// Recording is what can be heard of one call, see audio.Recording.
type Recording = audio.Recording

// Listening says what is to be heard.
type Listening struct {
	// Open opens the packets, those of the call among them. It is called again for every reader of the Recording.
	Open func() (Source, error)
	// CallID names the call.
	CallID string
	// Known is the call's record if there is one. It is used where the packets do not tell what the call was: signalling that is
	// encrypted or was not captured.
	Known *protocol.CDR
	// TLSKeys are as in Config.
	TLSKeys []byte
	// Name is the file name that the Recording offers.
	Name string
}

const week = 7 * 24 * time.Hour

// Listen looks once over the packets and finds what can be heard of a call. When there is nothing, the error is a
// *protocol.Problem that says why.
func Listen(ctx context.Context, l Listening) (*Recording, error) {
	src, err := l.Open()
	if err != nil {
		return nil, err
	}
	defer src.Close()
	scan := audio.NewScan(l.Known)
	found := &finder{want: l.CallID}
	if l.Known != nil {
		found.id = l.Known.ID
	}
	e := New(Config{
		// The call is whole in what was kept of it, however long it was silent.
		RTPTimeout: week, ByeTimeout: week, AbsoluteTimeout: week, TLSKeys: l.TLSKeys,
		SIP: func(d *Datagram, message []byte, _ string) { scan.SIP(d.Time, message, l.CallID) },
	}, found)
	var p Packet
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := src.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read the packets of call %s: %w", l.CallID, err)
			}
			break
		}
		scan.Packet(&p)
		e.Packet(&p)
	}
	e.Close()
	c := found.call
	if c == nil || len(c.Streams) == 0 && l.Known != nil {
		c = l.Known
	}
	if c == nil {
		return nil, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "no call " + l.CallID + " in these packets"}
	}
	return scan.Recording(c, l.Open, l.Name)
}

// finder is a Sink that wants one call. Of several with its Call-ID it takes the one with its id, else the one with the most
// streams.
type finder struct {
	KeepsNothing
	want string
	id   protocol.UUID
	call *protocol.CDR
}

// Call implements Sink.
func (f *finder) Call(c *protocol.CDR) {
	if c.CallID == f.want && (f.call == nil || c.ID == f.id || f.call.ID != f.id && len(c.Streams) > len(f.call.Streams)) {
		f.call = c
	}
}
