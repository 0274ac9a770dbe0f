package audio

import (
	"context"
	"errors"
	"io"

	"voiptop/protocol/sensorapi"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/rtp"
)

const (
	stepTime = 100e6 // ns that the time moves on at a time, where there are no packets
	tellTime = 20e6  // ns after which the voices are told of the time
	warmUp   = 2e9   // ns that decoders run before the place that one begins at
	maxBlock = 8192  // samples of a side that come out at a time
)

// renderer goes once over the packets of a call and gives its samples in order.
type renderer struct {
	rec     *Recording
	ctx     context.Context
	src     capture.Source
	decoder *decode.Decoder
	voices  map[flowKey]*voice
	order   []*voice // as in rec.tracks
	sides   [2]*side

	packet  capture.Packet
	waiting bool  // packet is to be decoded when the time has come to it
	ended   bool  // no more packets
	now     int64 // time that the voices have come to
	behind  int64 // time that they were told last
	ready   int64 // samples before this may go out
	out     int64 // the next sample to go out
	block   [2][]int16
}

// newRenderer begins at a sample of the time line.
func (r *Recording) newRenderer(ctx context.Context, o sensorapi.AudioOptions, from int64) (*renderer, error) {
	buffer, err := bufferOf(o.Buffer)
	if err != nil {
		return nil, err
	}
	src, err := r.open()
	if err != nil {
		return nil, err
	}
	x := &renderer{rec: r, ctx: ctx, src: src, voices: map[flowKey]*voice{}, now: r.start, behind: r.start, out: from}
	x.decoder = decode.New(decode.Config{}, x)
	for i := range x.sides {
		x.sides[i] = newSide(r.rate, o.MuteDTMF)
	}
	decodeFrom := int64(0)
	if from > 0 {
		decodeFrom = r.start + from/int64(r.rate)*1e9 - warmUp
	}
	for _, t := range r.tracks {
		if o.Side != "" && o.Side != sensorapi.SideBoth && o.Side != sideNames[t.side] {
			continue
		}
		v := newVoice(t, r.lines, x.sides[t.side], r.start, buffer)
		v.from = decodeFrom
		x.voices[t.key] = v
		x.order = append(x.order, v)
	}
	return x, nil
}

func (x *renderer) Close() error { return x.src.Close() }

// Datagram takes a packet from the decoder.
func (x *renderer) Datagram(d *decode.Datagram) {
	if d.Transport != decode.UDP {
		return
	}
	var h rtp.Header
	if !packetOf(d, &h) {
		return
	}
	if v := x.voices[flowKey{d.Src, d.Dst, h.SSRC}]; v != nil {
		v.take(d.Time, &h, d.Payload)
	}
}

// read gives the next samples of the sides that were asked for, up to maxBlock, valid until the next call. At the end of the
// time line the error is io.EOF.
func (x *renderer) read() (left, right []int16, err error) {
	for n := 0; ; n++ {
		if n%256 == 0 && x.ctx.Err() != nil {
			return nil, nil, x.ctx.Err()
		}
		if x.out >= x.rec.frames {
			return nil, nil, io.EOF
		}
		if end := min(x.ready, x.rec.frames, x.out+maxBlock); end > x.out {
			for i, s := range x.sides {
				s.skip(x.out)
				x.block[i] = s.take(x.block[i][:0], end)
			}
			x.out = end
			return x.block[caller], x.block[callee], nil
		}
		if err := x.step(); err != nil {
			return nil, nil, err
		}
	}
}

// step takes the next packet, or lets some time go by.
func (x *renderer) step() error {
	if !x.waiting && !x.ended {
		switch err := x.src.Next(&x.packet); {
		case errors.Is(err, io.EOF):
			x.ended = true
		case errors.Is(err, capture.ErrIdle):
		case err != nil:
			return err
		default:
			x.waiting = true
		}
	}
	switch {
	case x.ended, x.waiting && x.packet.Time-x.now > stepTime:
		x.now += stepTime
	case x.waiting:
		x.waiting = false
		x.decoder.Packet(&x.packet)
		x.now = max(x.now, x.packet.Time)
	}
	if x.now-x.behind >= tellTime {
		x.behind = x.now
		for _, v := range x.order {
			v.advance(x.now)
		}
		x.ready = samplesOf(max(x.now-settled-x.rec.start, 0), x.rec.rate)
		for _, s := range x.sides {
			s.find(x.ready)
		}
		if x.sides[caller].mute {
			x.ready = max(0, x.ready-x.sides[caller].ms(findAhead))
		}
		for _, s := range x.sides {
			s.skip(min(x.ready, x.out))
		}
	}
	return nil
}
