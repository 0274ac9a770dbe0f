package rules

// foreignOptions are the options of a filter, the values they take, and of those that cannot be carried over why.
var foreignOptions = []struct {
	column string
	most   int
	lost   map[int]string
}{
	{"rtp", 2, nil},
	{"sip", 1, nil},
	{"skip", 1, map[int]string{1: "every call has a record; its packets are not kept"}},
	{"dtmf", 3, map[int]string{2: "digits are blanked in the record, too", 3: "digits are in the record, too"}},
	{"rtcp", 1, map[int]string{0: "RTCP is kept with RTP", 1: "RTCP is kept with RTP"}},
	{"rtp_video", 3, map[int]string{0: "video is kept as audio is", 1: "video is kept as audio is", 2: "video is kept as audio is", 3: "video is kept as audio is"}},
	{"register", 3, map[int]string{0: "registrations are always followed, their packets never kept", 1: "registrations are always followed, their packets never kept", 3: "registrations are always followed, their packets never kept"}},
	{"options", 3, otherMethods},
	{"subscribe", 3, otherMethods},
	{"notify", 3, otherMethods},
	{"wav", 4, nil},
	{"graph", 1, nil},      // graphs are drawn of what is kept
	{"audiograph", 1, nil}, // likewise
	{"script", 1, map[int]string{1: "no script is run for a call; ask the API"}},
	{"mos_lqo", 3, map[int]string{1: moslqo, 2: moslqo, 3: moslqo}},
	{"hide_message", 1, map[int]string{1: "what a MESSAGE says is in no record"}},
	{"spool_2", 1, map[int]string{1: "there is one spool"}},
	{"mrcp", 1, map[int]string{1: "MRCP is not followed"}},
	{"audio_transcribe", 1, map[int]string{1: "speech is not transcribed"}},
}

const moslqo = "MOS is computed for every call by ITU-T G.107, not from the audio"

var otherMethods = map[int]string{
	0: "requests outside calls are always followed, their packets never kept",
	1: "requests outside calls are always followed, their packets never kept",
	3: "requests outside calls are always followed, their packets never kept",
}
