package decode

// Tags of an exported PDU (Wireshark epan/exported_pdu.h).
const (
	exportEnd     = 0
	exportSrcIPv4 = 20
	exportDstIPv4 = 21
	exportSrcIPv6 = 22
	exportDstIPv6 = 23
	exportSrcPort = 25
	exportDstPort = 26
)

// exported reads a message that Wireshark took out of its packets, as it does for what it has decrypted: tags of number 2 | length 2 |
// content, the last of number and length 0, then the message. It comes as a datagram of its own.
func (x *Decoder) exported(b []byte) {
	d := &x.d
	d.Src, d.Dst, d.DSCP, d.TTL = Endpoint{}, Endpoint{}, 0, 0
	for {
		if len(b) < 4 {
			x.count(cShortLink)
			return
		}
		tag, n := be16(b), int(be16(b[2:]))
		b = b[4:]
		if n > len(b) {
			x.count(cShortLink)
			return
		}
		v := b[:n]
		b = b[n:]
		switch {
		case tag == exportEnd:
			x.datagram(b, len(b))
			return
		case tag == exportSrcIPv4 && n == 4:
			putIPv4(&d.Src, v)
		case tag == exportDstIPv4 && n == 4:
			putIPv4(&d.Dst, v)
		case tag == exportSrcIPv6 && n == 16:
			d.Src.IP = [16]byte(v)
		case tag == exportDstIPv6 && n == 16:
			d.Dst.IP = [16]byte(v)
		case tag == exportSrcPort && n == 4:
			d.Src.Port = be16(v[2:])
		case tag == exportDstPort && n == 4:
			d.Dst.Port = be16(v[2:])
		}
	}
}
