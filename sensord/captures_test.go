package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// wire is a pcap file of raw IPv4 that is being written.
type wire struct {
	bytes.Buffer
	at time.Time
}

func newWire() *wire {
	w := &wire{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	h := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	h = append(h, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0)
	w.Write(binary.LittleEndian.AppendUint32(h, 101)) // LINKTYPE_RAW
	return w
}

// udp adds a datagram between hosts of 192.0.2.0/24, 20 ms after the one before.
func (w *wire) udp(src, dst byte, port uint16, payload []byte) {
	ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, src, 192, 0, 2, dst}
	binary.BigEndian.PutUint16(ip[2:], uint16(28+len(payload)))
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	ip = binary.BigEndian.AppendUint16(ip, port)
	ip = binary.BigEndian.AppendUint16(ip, port)
	ip = binary.BigEndian.AppendUint16(ip, uint16(8+len(payload)))
	ip = append(append(ip, 0, 0), payload...)
	w.at = w.at.Add(20 * time.Millisecond)
	h := binary.LittleEndian.AppendUint32(nil, uint32(w.at.Unix()))
	h = binary.LittleEndian.AppendUint32(h, uint32(w.at.Nanosecond()/1000))
	h = binary.LittleEndian.AppendUint32(h, uint32(len(ip)))
	w.Write(binary.LittleEndian.AppendUint32(h, uint32(len(ip))))
	w.Write(ip)
}

// sip adds a message of a call between two hosts; sdp names the host that takes the media, 0: none.
func (w *wire) sip(src, dst byte, call, first, cseq string, sdp byte) {
	body := ""
	if sdp != 0 {
		body = fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 192.0.2.%d\r\ns=-\r\nc=IN IP4 192.0.2.%d\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", sdp, sdp)
	}
	tag := ";tag=2"
	if strings.HasPrefix(first, "INVITE") {
		tag = ""
	}
	head := "Via: SIP/2.0/UDP 192.0.2." + fmt.Sprint(src) + ";branch=z9hG4bK" + call + cseq + "\r\nFrom: <sip:1001@a>;tag=" + call + "\r\nTo: <sip:1002@b>" + tag + "\r\n" +
		"Call-ID: " + call + "\r\nCSeq: " + cseq + "\r\nX-CID: the conversation\r\nContent-Type: application/sdp\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n"
	w.udp(src, dst, 5060, []byte(first+"\r\n"+head+body))
}

// bridged is a conversation that a PBX, .2, made two calls of, with media past it; how many frames it has is answered as well.
func bridged() (file string, frames int) {
	w := newWire()
	legs := []struct {
		call      string
		from, to  byte
		here, far byte // who takes the media
	}{{"leg-a", 1, 2, 1, 3}, {"leg-b", 2, 3, 1, 3}}
	for _, l := range legs {
		w.sip(l.from, l.to, l.call, "INVITE sip:1002@b SIP/2.0", "1 INVITE", l.here)
	}
	for _, l := range legs {
		w.sip(l.to, l.from, l.call, "SIP/2.0 200 OK", "1 INVITE", l.far)
		w.sip(l.from, l.to, l.call, "ACK sip:1002@b SIP/2.0", "1 ACK", 0)
	}
	const media = 60
	for i := range media {
		rtp := append(binary.BigEndian.AppendUint32([]byte{0x80, 8, 0, byte(i / 2)}, uint32(i/2*160)), 0, 0, 0, byte(i%2))
		src, dst := byte(1), byte(3)
		if i%2 == 1 {
			src, dst = 3, 1
		}
		w.udp(src, dst, 4000, append(rtp, make([]byte, 160)...))
	}
	for _, l := range legs {
		w.sip(l.from, l.to, l.call, "BYE sip:1002@b SIP/2.0", "2 BYE", 0)
		w.sip(l.to, l.from, l.call, "SIP/2.0 200 OK", "2 BYE", 0)
	}
	return w.String(), 2*5 + media
}

func TestTheCapturesOfAConversationAreOneFile(t *testing.T) {
	b := newBench(t, "id_sensor = 3\ncapture_compress = zstd")
	file, frames := bridged()
	b.write("all.rules", "all: keep rtp\n")
	b.write("v.conf", readFile(t, b.dir+"/v.conf")+"rules_file = "+b.dir+"/all.rules\n")
	b.start("-r", b.write("calls.pcap", file), "--stay")
	api := b.api()
	var list []protocol.CDR
	b.until("both calls are in the history", func() bool {
		list, _ = api.Calls(t.Context(), 10, protocol.UUID{})
		return len(list) == 2
	})
	if list[0].GroupID != list[1].GroupID || list[0].Capture.Packets+list[1].Capture.Packets != uint64(frames+60) {
		t.Fatalf("groups %s and %s, captures %+v and %+v, frames %d", list[0].GroupID, list[1].GroupID, list[0].Capture, list[1].Capture, frames)
	}
	for _, id := range []string{"leg-a", list[1].ID.String(), list[0].ID.String()} {
		d, err := api.Download(t.Context(), id, sensorapi.CaptureRequest{Group: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(d)
		d.Close()
		if err != nil || int64(len(got)) != d.Size || !strings.HasSuffix(d.Name, "_1001_1002_group.pcapng") {
			t.Fatalf("%d bytes of %d, %q, %v", len(got), d.Size, d.Name, err)
		}
		path := b.write("group.pcapng", string(got))
		if n := len(strings.Fields(tshark(t, path, "-T", "fields", "-e", "frame.number"))); n != frames {
			t.Errorf("%s: %d packets, want each of %d frames once", id, n, frames)
		}
		rest, err := api.Download(t.Context(), id, sensorapi.CaptureRequest{Group: true, From: 3000, IfTag: d.Tag})
		if err != nil {
			t.Fatal(err)
		}
		tail, err := io.ReadAll(rest)
		rest.Close()
		if err != nil || rest.From != 3000 || rest.Size != d.Size || !bytes.Equal(tail, got[3000:]) {
			t.Errorf("%s: the rest from byte 3000 is %d bytes from %d, %v", id, len(tail), rest.From, err)
		}
	}
	if p := problemOf(func() error {
		_, err := api.Download(t.Context(), "nobody", sensorapi.CaptureRequest{Group: true})
		return err
	}()); p.Code != protocol.CodeNotFound {
		t.Errorf("a call that never was: %+v", p)
	}
	h, err := api.Health(t.Context())
	if err != nil || h.Counters[protocol.CountCapturesKept] != 2 {
		t.Errorf("%v, %+v", err, h.Counters)
	}
}

func TestPacketsThatWereLetGoAreAProblemAndMakeTheCapturePartial(t *testing.T) {
	b := newBench(t, "id_sensor = 3\ncapture_window_mb = 1\ncapture_window_disk_mb = 0")
	b.write("tail.rules", "tail: keep rtp when connected>1\n")
	b.write("v.conf", readFile(t, b.dir+"/v.conf")+"rules_file = "+b.dir+"/tail.rules\n")
	w := newWire()
	w.sip(1, 2, "long", "INVITE sip:1002@b SIP/2.0", "1 INVITE", 1)
	w.sip(2, 1, "long", "SIP/2.0 200 OK", "1 INVITE", 2)
	w.sip(1, 2, "long", "ACK sip:1002@b SIP/2.0", "1 ACK", 0)
	for i := range 2000 {
		rtp := append(binary.BigEndian.AppendUint32([]byte{0x80, 8, byte(i >> 8), byte(i)}, uint32(i*960)), 0, 0, 0, 1)
		w.udp(1, 2, 4000, append(rtp, make([]byte, 960)...))
	}
	w.sip(1, 2, "long", "BYE sip:1002@b SIP/2.0", "2 BYE", 0)
	w.sip(2, 1, "long", "SIP/2.0 200 OK", "2 BYE", 0)
	b.start("-r", b.write("calls.pcap", w.String()), "--stay")
	api := b.api()
	var c *protocol.CDR
	b.until("the call is in the history", func() (ended bool) {
		list, err := api.Calls(t.Context(), 10, protocol.UUID{})
		if err == nil && len(list) == 1 {
			c = &list[0]
		}
		return c != nil
	})
	if c.Rule != "tail" || c.Capture.Kept != protocol.KeepRTP || !c.Capture.Partial || c.Capture.Packets == 0 || c.Capture.Packets > 1500 {
		t.Errorf("rule %q, %+v", c.Rule, c.Capture)
	}
	h, err := api.Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost := h.Counters["captures.window.dropped.full"]
	if lost+c.Capture.Packets != 2005 || h.Counters["captures.partial"] != 1 {
		t.Errorf("%d packets kept, %d counted as let go, of 2005", c.Capture.Packets, lost)
	}
	found := false
	for _, p := range h.Problems {
		found = found || p.Code == "captures-window-full" && p.Remedy != ""
	}
	if !found {
		t.Errorf("problems are %+v", h.Problems)
	}
}

func TestWhyThereIsNoCapture(t *testing.T) {
	_, api, call := playBack(t, "sipp-busy", "all: keep none", "")
	_, err := api.Capture(t.Context(), call.ID.String())
	if p := problemOf(err); p.Code != protocol.CodeCaptureNotKept || p.Detail != "rule all decided: keep none" {
		t.Errorf("keep none: %+v", p)
	}

	b := newBench(t, "id_sensor = 3\n")
	for _, dir := range []string{"state", "spool"} {
		if err := os.MkdirAll(filepath.Join(b.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.write("state/local.rules", "all: keep sip\n")
	b.write("spool/"+call.Start.Std().UTC().Format(time.DateOnly), "a file in place of the day's folder: nothing can be written there")
	b.start("-r", "../fixtures/pcap/sipp-busy/in.pcap", "--stay")
	b.until("the call is in the history", func() bool {
		list, _ := b.api().Calls(t.Context(), 10, protocol.UUID{})
		return len(list) > 0
	})
	list, err := b.api().Calls(t.Context(), 10, protocol.UUID{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.api().Capture(t.Context(), list[0].ID.String())
	if p := problemOf(err); p.Code != protocol.CodeCaptureNotKept || !strings.Contains(p.Detail, "rule all wanted packets kept; but nothing of it was written") {
		t.Errorf("what could not be written: %+v", p)
	}
}
