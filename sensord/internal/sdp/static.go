package sdp

import "bytes"

// static are the payload types that need no a=rtpmap (RFC 3551 section 6, tables 4 and 5). G.722 has a clock of 8000
// by an old mistake that stays.
var static = [35]Format{
	0:  {[]byte("PCMU"), 8000, 0, 1},
	3:  {[]byte("GSM"), 8000, 3, 1},
	4:  {[]byte("G723"), 8000, 4, 1},
	5:  {[]byte("DVI4"), 8000, 5, 1},
	6:  {[]byte("DVI4"), 16000, 6, 1},
	7:  {[]byte("LPC"), 8000, 7, 1},
	8:  {[]byte("PCMA"), 8000, 8, 1},
	9:  {[]byte("G722"), 8000, 9, 1},
	10: {[]byte("L16"), 44100, 10, 2},
	11: {[]byte("L16"), 44100, 11, 1},
	12: {[]byte("QCELP"), 8000, 12, 1},
	13: {[]byte("CN"), 8000, 13, 1},
	14: {[]byte("MPA"), 90000, 14, 1},
	15: {[]byte("G728"), 8000, 15, 1},
	16: {[]byte("DVI4"), 11025, 16, 1},
	17: {[]byte("DVI4"), 22050, 17, 1},
	18: {[]byte("G729"), 8000, 18, 1},
	25: {[]byte("CelB"), 90000, 25, 1},
	26: {[]byte("JPEG"), 90000, 26, 1},
	28: {[]byte("nv"), 90000, 28, 1},
	31: {[]byte("H261"), 90000, 31, 1},
	32: {[]byte("MPV"), 90000, 32, 1},
	33: {[]byte("MP2T"), 90000, 33, 1},
	34: {[]byte("H263"), 90000, 34, 1},
}

// dynamic are names that are often given to dynamic payload types.
var dynamic = [...][]byte{[]byte("telephone-event"), []byte("opus"), []byte("AMR"), []byte("AMR-WB"), []byte("iLBC"), []byte("speex")}

// shared is name, as one that all descriptions share if it is a usual one: whoever looks at it has it in his cache.
func shared(name []byte, pt uint8) []byte {
	if int(pt) < len(static) {
		if usual := static[pt].Name; bytes.Equal(usual, name) {
			return usual
		}
		return name
	}
	for _, usual := range dynamic {
		if bytes.Equal(usual, name) {
			return usual
		}
	}
	return name
}

// Static answers what RFC 3551 says of a payload type; a Format with only its number when it says nothing.
func Static(pt uint8) Format {
	if int(pt) < len(static) && static[pt].Name != nil {
		return static[pt]
	}
	return Format{PT: pt, Chans: 1}
}
