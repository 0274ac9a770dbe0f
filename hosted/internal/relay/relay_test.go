package relay

import "testing"

func TestASensorNamesNoFileThatIsNotACapture(t *testing.T) {
	for in, want := range map[string]string{
		`attachment; filename="20261122-100000_1001_1002.pcapng"`: "attachment; filename=20261122-100000_1001_1002.pcapng",
		`inline; filename="x.wav"`:                                "inline; filename=x.wav",
		`attachment; filename="a b.zip"`:                          `attachment; filename="a b.zip"`,
		`attachment; filename="invoice.exe"`:                      "attachment",
		`attachment; filename="../../.bashrc"`:                    "attachment",
		`attachment; filename="../x.pcapng"`:                      "attachment; filename=x.pcapng",
		`attachment; filename="..\\x.pcapng"`:                     "attachment",
		`attachment; filename*=UTF-8''x%E2%80%AEgnacp.exe`:        "attachment",
		`attachment; filename*=UTF-8''x%E2%80%AEexe.wav`:          "attachment",
		`form-data; filename="x.wav"`:                             "attachment",
		`inline`:                                                  "attachment",
		`inline; filename="x.html"`:                               "attachment",
		`;;;`:                                                     "attachment",
	} {
		if got := disposition(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}
