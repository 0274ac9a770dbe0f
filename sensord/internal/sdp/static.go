package sdp

// static are the payload types that need no a=rtpmap (RFC 3551 section 6, tables 4 and 5). G.722 has a clock of 8000
// by an old mistake that stays.
var static = [35]Format{
	0:  {0, []byte("PCMU"), 8000, 1},
	3:  {3, []byte("GSM"), 8000, 1},
	4:  {4, []byte("G723"), 8000, 1},
	5:  {5, []byte("DVI4"), 8000, 1},
	6:  {6, []byte("DVI4"), 16000, 1},
	7:  {7, []byte("LPC"), 8000, 1},
	8:  {8, []byte("PCMA"), 8000, 1},
	9:  {9, []byte("G722"), 8000, 1},
	10: {10, []byte("L16"), 44100, 2},
	11: {11, []byte("L16"), 44100, 1},
	12: {12, []byte("QCELP"), 8000, 1},
	13: {13, []byte("CN"), 8000, 1},
	14: {14, []byte("MPA"), 90000, 1},
	15: {15, []byte("G728"), 8000, 1},
	16: {16, []byte("DVI4"), 11025, 1},
	17: {17, []byte("DVI4"), 22050, 1},
	18: {18, []byte("G729"), 8000, 1},
	25: {25, []byte("CelB"), 90000, 1},
	26: {26, []byte("JPEG"), 90000, 1},
	28: {28, []byte("nv"), 90000, 1},
	31: {31, []byte("H261"), 90000, 1},
	32: {32, []byte("MPV"), 90000, 1},
	33: {33, []byte("MP2T"), 90000, 1},
	34: {34, []byte("H263"), 90000, 1},
}

// Static answers what RFC 3551 says of a payload type; a Format with only its number when it says nothing.
func Static(pt uint8) Format {
	if int(pt) < len(static) && static[pt].Name != nil {
		return static[pt]
	}
	return Format{PT: pt, Chans: 1}
}
