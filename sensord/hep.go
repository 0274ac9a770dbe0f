package main

import (
	"context"
	"time"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/hep"
)

// open opens where packets come from: files, or interfaces and the HEP listener, either of them or both.
func (d *daemon) open() (capture.Source, error) {
	if len(d.opt.read) > 0 || !d.conf.HEP {
		return openSource(d.conf, d.opt, d.log)
	}
	l, err := hep.Listen(hep.ListenConfig{Address: d.conf.HEPAddress, TCPOnly: !d.conf.HEPUDP, Key: string(d.conf.HEPKey), Log: d.log})
	if err != nil {
		return nil, err
	}
	d.hepIn = l
	if len(d.conf.Interfaces) == 0 {
		return l, nil
	}
	wire, err := openSource(d.conf, d.opt, d.log)
	if err != nil {
		l.Close()
		return nil, err
	}
	d.hepInput = uint16(len(wire.Stats().Inputs))
	return hep.Beside(wire, l), nil
}

// hook makes the engine ask which HEP to look into, and give what it sees to the sender, if there is one.
func (d *daemon) hook(c *analyze.Config) {
	c.HEP = d.wantsHEP
	if d.conf.HEPSend == "" {
		return
	}
	d.hepOut = hep.NewSender(hep.SendConfig{
		Over: d.conf.HEPSendOver, Address: d.conf.HEPSend, Agent: uint32(d.conf.HEPSendID), Node: sensorName(d.conf), Key: string(d.conf.HEPSendKey), Log: d.log,
	})
	c.SIP = func(p *analyze.Datagram, message []byte, transport string) {
		d.hepOut.Send(&hep.Message{Type: hep.SIP, Protocol: ipProtocol(transport), Src: p.Src, Dst: p.Dst, Time: p.Time, Payload: message})
	}
	c.RTCP = func(p *analyze.Datagram, callID string) {
		if report, err := hep.AppendRTCPJSON(nil, p.Payload); err == nil { // a goodbye, say, is no report
			d.hepOut.Send(&hep.Message{Type: hep.RTCP, Protocol: 17, Src: p.Src, Dst: p.Dst, Time: p.Time, Correlation: []byte(callID), Payload: report})
		}
	}
}

// ipProtocol is the IANA number of the IP protocol below a transport of SIP.
func ipProtocol(transport string) uint8 {
	switch transport {
	case "udp":
		return 17
	case "sctp":
		return 132
	}
	return 6 // tcp, tls, ws, wss
}

// wantsHEP says whether to look into a message: not when this sensor has sent it, which an interface may see; and not when
// an interface sees what the listener has received.
func (d *daemon) wantsHEP(p *analyze.Packet, m *analyze.HEPMessage) bool {
	if d.hepOut != nil && d.hepOut.Own(m) {
		return false
	}
	return d.hepIn == nil || p.Iface == d.hepInput
}

// sentHEP waits until all HEP is sent, or for as long as that may reasonably take.
func (d *daemon) sentHEP(ctx context.Context) {
	if d.hepOut == nil {
		return
	}
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	for d.hepOut.Waiting() > 0 {
		select {
		case <-ctx.Done():
			d.log.Warn("hep: not all is sent", "waiting", d.hepOut.Waiting())
			return
		case <-t.C:
		}
	}
}

// countHEP adds what listener and sender have counted.
func (d *daemon) countHEP(c protocol.Counters) {
	add := func(name string, n uint64) { c[name] += n }
	if d.hepIn != nil {
		d.hepIn.Counters(add)
	}
	if d.hepOut != nil {
		d.hepOut.Counters(add)
	}
}
