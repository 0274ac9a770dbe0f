package analyze

import (
	"context"
	"os"
	"testing"

	"voiptop/protocol"
)

// A call between two telephones that agreed on keys by ZRTP, captured by others: its media is encrypted from then on, and no message of ZRTP is
// taken for media.
func TestACallWithZRTPOfOthersIsEncrypted(t *testing.T) {
	const file = "../../../shared/captures/wireshark-wiki__Asterisk_ZFONE_XLITE.pcap"
	if _, err := os.Stat(file); err != nil {
		t.Skip("no captures of others here")
	}
	list, sum, err := Files(context.Background(), []string{file}, nil, Config{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d records, %v", len(list), err)
	}
	if n := sum.Counters["media.zrtp"]; n != 10 { // as tshark has it
		t.Errorf("%d messages of ZRTP", n)
	}
	for _, s := range list[0].Streams[:2] {
		if !s.Encrypted || s.Keying != protocol.KeyedByZRTP {
			t.Errorf("%s to %s: encrypted %v by %q", s.Src, s.Dst, s.Encrypted, s.Keying)
		}
	}
}
