package conf

import (
	"fmt"
	"strings"
	"testing"
)

func TestKeysOfHEPAreUnderstood(t *testing.T) {
	c, err := Parse("c", []byte("id_sensor = 7\nhep = yes\nhep_auth_key = hunter2\nhep_send = tcp:homer.example.com\nhep_send_key = hunter3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !c.HEP || c.HEPAddress != ":9060" || !c.HEPUDP || c.HEPKey != "hunter2" {
		t.Errorf("listen: got %v %s udp %v", c.HEP, c.HEPAddress, c.HEPUDP)
	}
	if c.HEPSend != "homer.example.com:9060" || c.HEPSendOver != "tcp" || c.HEPSendID != 7 || c.HEPSendKey != "hunter3" {
		t.Errorf("send: got %s over %s id %d", c.HEPSend, c.HEPSendOver, c.HEPSendID)
	}
	if s := fmt.Sprintf("%+v", c); strings.Contains(s, "hunter") {
		t.Errorf("a key is in %s", s)
	}
	if err := c.CheckLive(false); err != nil {
		t.Errorf("a sensor that listens for HEP needs no interface: %v", err)
	}
	c, err = Parse("c", []byte("hep_bind_ip = 2001:db8::1\nhep_bind_port = 9070\nhep_bind_udp = no\nhep_send_id = 2001\n"))
	if err != nil || c.HEP || c.HEPAddress != "[2001:db8::1]:9070" || c.HEPUDP || c.HEPSendID != 2001 {
		t.Errorf("got %v %s udp %v id %d, %v", c.HEP, c.HEPAddress, c.HEPUDP, c.HEPSendID, err)
	}
}

func TestWhereHEPIsSentMayBeWrittenInManyWays(t *testing.T) {
	for in, want := range map[string]string{
		"homer.example.com":           "udp homer.example.com:9060",
		"192.0.2.1:9999":              "udp 192.0.2.1:9999",
		"udp:192.0.2.1":               "udp 192.0.2.1:9060",
		"TCP:[2001:db8::1]:9061":      "tcp [2001:db8::1]:9061",
		"tls:homer.example.com":       "tls homer.example.com:9061",
		"tls:homer.example.com:65535": "tls homer.example.com:65535",
	} {
		c, err := Parse("c", []byte("hep_send = "+in))
		if got := c.HEPSendOver + " " + c.HEPSend; err != nil || got != want {
			t.Errorf("%s: got %s %v, want %s", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"hep_send = tcp:":          `c:1: hep_send: "": want a host name`,
		"hep_send = x:0":           `c:1: hep_send: port "0"`,
		"hep_bind_ip = eth0":       `c:1: hep_bind_ip: found "eth0", expected an IP address; write "hep_bind_ip = 192.0.2.1"`,
		"hep_bind_port = 0":        `c:1: hep_bind_port: found "0"`,
		"hep_send_id = 2147483648": `c:1: hep_send_id: found`,
	} {
		if _, err := Parse("c", []byte(in)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}
