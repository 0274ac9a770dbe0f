package conf

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const typical = `
# comment
; comment too
[general]
id_sensor = 42
interface = eth0,eth1
interface = bond0
sipport = 5060
sip-port = 5070
SIPPORT = 5080-5082   # more
filter = udp or (vlan and udp)
promisc = no
server_destination = cloud.example.com, [2001:db8::1]:7000 , 192.0.2.5
server_destination_port = 60024
packetbuffer_sender = yes
cloud_token = vt1.very-secret
maxpoolsize = 2000 ;two gigabytes
rtp-timeout = 3
rtptimeout = 120
mysqlpassword = hunter2
savertp = yes
matchheader = X-CID, In-Reply-To
matchheader = X-Leg
server_fingerprint = SHA256:
`

func TestTypicalFileIsUnderstood(t *testing.T) {
	c, err := Parse("v.conf", []byte(strings.Replace(typical, "server_fingerprint = SHA256:\n", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("id_sensor", c.SensorID, uint16(42))
	check("interface", c.Interfaces, []string{"eth0", "eth1", "bond0"})
	check("sipport", c.SIPPorts, []uint16{5060, 5080, 5081, 5082})
	check("filter", c.Filter, "udp or (vlan and udp)")
	check("promisc", c.Promisc, false)
	check("servers", c.Servers, []string{"cloud.example.com:60024", "[2001:db8::1]:7000", "192.0.2.5:60024"})
	check("sender", c.SendPackets, true)
	check("token", string(c.Token), "vt1.very-secret")
	check("maxpoolsize", c.MaxPoolMB, 2000)
	check("rtptimeout", c.RTPTimeout, 120*time.Second)
	check("absolute_timeout", c.AbsoluteTimeout, 4*time.Hour)
	check("matchheader", c.MatchHeaders, []string{"X-CID", "In-Reply-To", "X-Leg"})
	check("line of id_sensor", c.Place("ID-SENSOR"), Place{"v.conf", 5, "id_sensor"})

	issues := map[string]string{}
	for _, i := range c.Issues {
		issues[i.Key] = i.String()
	}
	check("unknown key", issues["sip-port"], `v.conf:9: sip-port: is not a key that sensord or VoIPmonitor knows; the line has no effect; did you mean "sipport"?`)
	check("key without effect", issues["mysqlpassword"], `v.conf:20: mysqlpassword: has no effect: a sensor needs no database; CDRs go to hosted`)
	check("key that rules replace", issues["savertp"], `v.conf:21: savertp: has no effect: capture rules say what is kept (docs/rules.md); nothing is kept without one`)
}

func TestWrongValuesNameFileLineKeyAndRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"id_sensor = 0":               `c:1: id_sensor: found "0", expected a number from 1 to 65535; write "id_sensor = 1", a number from 1 to 65535`,
		"\nid_sensor = x":             `c:2: id_sensor: found "x", expected a number from 1 to 65535; write "id_sensor = 1", a number from 1 to 65535`,
		"matchheader = X-CID:":        `c:1: matchheader: found "X-CID:", expected the name of a SIP header; write "matchheader = X-Call-ID", several with commas`,
		"filter = udp prt 5060":       `c:1: filter: column 5: found "prt", expected "and", "or" or the end; did you mean "port"?; write "filter = udp port 5060"`,
		"promisc = maybe":             `c:1: promisc: found "maybe", expected yes or no; write yes or no`,
		"interface eth0  # sic":       `c:1: found "interface eth0  # sic", expected a line of the form key = value; write "interface = eth0"`,
		"sipport = 5060-70":           `c:1: sipport: found "70", expected a number from 5060 to 65535; write "sipport = 5060"`,
		"server_destination = a:b":    `c:1: server_destination: port "b": want a number from 1 to 65535; write "server_destination = cloud.example.com", several with commas`,
		"server_destination_port = 0": `c:1: server_destination_port: found "0", expected a number from 1 to 65535; write "server_destination_port = 60023"`,
		"server_fingerprint = abc":    `c:1: server_fingerprint: found "abc", expected 64 hexadecimal digits; write the 64 hexadecimal digits that "hosted sensor add" printed`,
	} {
		c, err := Parse("c", []byte(text))
		var e Errors
		if !errors.As(err, &e) || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
		if c == nil {
			t.Errorf("%q: no configuration beside the error", text)
		}
	}
}

func TestALineThatSetsNothingIsNoReasonNotToStart(t *testing.T) {
	c, err := Parse("c", []byte("what is this\n= 7\n"))
	if err != nil || len(c.Issues) != 2 || c.Issues[0].Level != Warning ||
		c.Issues[0].String() != `c:1: found "what is this", expected a line of the form key = value; the line has no effect; put "#" before it if it is a comment` {
		t.Errorf("%v, %v", c.Issues, err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c, err := Parse("c", []byte("cloud_token = vt1.hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%v", *c)} {
		if strings.Contains(s, "hunter2") {
			t.Errorf("the token is in %s", s)
		}
	}
}

func TestSecretsOfLinesThatSetNothingAreNotTold(t *testing.T) {
	for line, want := range map[string]string{
		"cloud_token vt1.hunter2": `write "cloud_token = ..."`, "cloud-token:vt1.hunter2": `write "cloud-token = ..."`, "hep_auth_key\thunter2": `write "hep_auth_key = ..."`,
		"mysqlpassword hunter2": "has no effect", "server_password: hunter2": "has no effect",
	} {
		c, err := Parse("c", []byte(line))
		if c == nil {
			c = &Config{}
		}
		if said := fmt.Sprint(c.Issues, err); strings.Contains(said, "hunter2") || !strings.Contains(said, want) {
			t.Errorf("%q: %s", line, said)
		}
	}
}

func TestIncludedFilesAreReadInOrder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("main.conf", "id_sensor = 1\ninclude = conf.d/*.conf\n")
	write("conf.d/1.conf", "id_sensor = 2\n")
	write("conf.d/2.conf", "interface = lo\nbogus = 1\n")
	c, err := Load(filepath.Join(dir, "main.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if c.SensorID != 2 || len(c.Interfaces) != 1 {
		t.Errorf("got id_sensor %d and interfaces %v, want 2 and lo", c.SensorID, c.Interfaces)
	}
	if got, want := c.Issues[len(c.Issues)-1].File, filepath.Join(dir, "conf.d/2.conf"); got != want {
		t.Errorf("an issue of an included file names %s, want %s", got, want)
	}
	write("conf.d/3.conf", "include = ../main.conf\n")
	if _, err := Load(filepath.Join(dir, "main.conf")); err == nil || !strings.Contains(err.Error(), "includes itself") {
		t.Errorf("a circle of includes: got %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none.conf")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "-c FILE") {
		t.Errorf("a missing file: got %v", err)
	}
}

func TestWhatLiveCaptureNeedsIsAskedFor(t *testing.T) {
	c, err := Parse("c", []byte("server_destination = x"))
	if err != nil {
		t.Fatal(err)
	}
	err = c.CheckLive(false)
	if err == nil || !strings.Contains(err.Error(), "interface: not set") || !strings.Contains(err.Error(), "id_sensor: not set") {
		t.Errorf("got %v, want both interface and id_sensor asked for", err)
	}
	c.SensorID = 1
	if err := c.CheckLive(true); err != nil {
		t.Errorf("a replay needs no interface: %v", err)
	}
}

// The manual is held to the code: each key that has an effect is in docs/configuration.md, with its words.
func TestServersWithoutAPortHaveAnAlternative(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"server_destination = a, b:7000":                      {"a:60023": "a:443"},
		"server_destination = [2001:db8::1]":                  {"[2001:db8::1]:60023": "[2001:db8::1]:443"},
		"server_destination = a\nserver_destination_port = 7": nil,
	} {
		c, err := Parse("c", []byte(text))
		if err != nil || !maps.Equal(c.Alternatives, want) {
			t.Errorf("%q: %v, %v; want %v", text, c.Alternatives, err, want)
		}
	}
}

func TestProxyIsReadAndItsPasswordIsNotRepeated(t *testing.T) {
	c, err := Parse("c", []byte("server_proxy = http://pbx:hush@proxy.example:3128"))
	if err != nil || c.Proxy.Host != "proxy.example:3128" || c.Proxy.User.Username() != "pbx" {
		t.Errorf("%v, %v", c.Proxy, err)
	}
	_, err = Parse("c", []byte("server_proxy = https://pbx:hush@proxy.example:3128"))
	if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "c:1: server_proxy: scheme") {
		t.Errorf("%v", err)
	}
}

func TestManualNamesEveryKey(t *testing.T) {
	b, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range keyNames() {
		k := keys[n]
		if k.set == nil {
			continue
		}
		if row := fmt.Sprintf("| `%s` | %s |", n, k.doc); !strings.Contains(string(b), row) {
			t.Errorf("docs/configuration.md lacks the row\n%s", row)
		}
	}
}

// FuzzParse: no input panics, every issue names a line of the file, and values stay in their ranges.
func FuzzParse(f *testing.F) {
	f.Add([]byte(typical))
	f.Add([]byte("\xef\xbb\xbfid_sensor=1\r\n=\n include = x"))
	f.Add([]byte(strings.Repeat("a", 1<<14) + "=1\nsipport 5060\nmysql_x = 1\nrtptimeout = 0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, _ := Parse("f", b)
		lines := strings.Count(string(b), "\n") + 1
		for _, i := range c.Issues {
			if i.Line > lines || i.Text == "" {
				t.Fatalf("issue %+v in a file of %d lines", i, lines)
			}
		}
		if c.RTPTimeout <= 0 || c.RingBufferMB < 1 || c.MaxCalls < 1 {
			t.Fatalf("out of range: %+v", c)
		}
	})
}
