package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Skipf("no packet sockets here: %v", err)
	}
	unix.Close(fd)
}

// statuses gives the named lines of /proc/PID/status for every thread.
func statuses(t *testing.T, pid int, names ...string) []string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) < 2 {
		t.Fatalf("threads of %d: %v %v", pid, files, err)
	}
	var out []string
	for _, f := range files {
		var s []string
		for line := range strings.Lines(readFile(t, f)) {
			name, value, _ := strings.Cut(line, ":")
			for _, n := range names {
				if n == name {
					s = append(s, n+" "+strings.Join(strings.Fields(value), " "))
				}
			}
		}
		out = append(out, strings.Join(s, ", "))
	}
	return out
}

// hears sends datagrams over loopback until sensord has captured some.
func (b *bench) hears(api *sensorapi.Client) {
	b.t.Helper()
	c, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	b.until("packets are captured", func() bool {
		c.Write([]byte("hello"))
		h, err := api.Health(b.t.Context())
		return err == nil && h.Counters[protocol.CountPackets] > 0
	})
}

func TestCapturingSensorKeepsNoPowerButToCapture(t *testing.T) {
	needRoot(t)
	b := newBench(t, "id_sensor = 1\ninterface = lo")
	cmd := b.process(nil)
	b.hears(b.api())
	const capture = "0000000000003000" // CAP_NET_ADMIN (12) and CAP_NET_RAW (13)
	want := "Uid 0 0 0 0, CapInh 0000000000000000, CapPrm " + capture + ", CapEff " + capture + ", CapBnd " + capture +
		", CapAmb 0000000000000000, NoNewPrivs 1"
	for _, got := range statuses(t, cmd.Process.Pid, "Uid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs") {
		if got != want {
			t.Errorf("a thread has\n%s, want\n%s", got, want)
		}
	}
}

func TestSensorBecomesTheUserAndStillCapturesAndWrites(t *testing.T) {
	needRoot(t)
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	b := newBench(t, "id_sensor = 1\ninterface = lo\nrun_as_user = nobody")
	if err := os.Chmod(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := b.process(nil)
	b.hears(b.api())
	want := fmt.Sprintf("Uid %[1]s %[1]s %[1]s %[1]s, Gid %[2]s %[2]s %[2]s %[2]s, CapEff 0000000000003000", u.Uid, u.Gid)
	for _, got := range statuses(t, cmd.Process.Pid, "Uid", "Gid", "CapEff") {
		if got != want {
			t.Errorf("a thread has\n%s, want\n%s", got, want)
		}
	}
	for _, name := range []string{"state", "state/journal", "spool", "s"} {
		st, err := os.Stat(filepath.Join(b.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if uid := fmt.Sprint(st.Sys().(*syscall.Stat_t).Uid); uid != u.Uid {
			t.Errorf("%s belongs to user %s, want %s", name, uid, u.Uid)
		}
	}
}

func TestSensorWithoutInterfacesKeepsNoPowerAtAll(t *testing.T) {
	needRoot(t)
	b := newBench(t, fmt.Sprintf("id_sensor = 1\nhep = yes\nhep_bind_ip = 127.0.0.1\nhep_bind_port = %d", freePort(t)))
	cmd := b.process(nil)
	b.api()
	for _, got := range statuses(t, cmd.Process.Pid, "CapEff", "CapPrm") {
		if want := "CapPrm 0000000000000000, CapEff 0000000000000000"; got != want {
			t.Errorf("a thread has %s, want %s", got, want)
		}
	}
}

// An interface that goes down and comes back is opened again with what was kept.
func TestConfinedSensorCapturesAgainAfterTheInterfaceWasDown(t *testing.T) {
	needRoot(t)
	b := newBench(t, "id_sensor = 1\ninterface = tap")
	in := func(cmd *exec.Cmd, args ...string) error {
		return exec.Command("nsenter", append([]string{"-n", "-t", fmt.Sprint(cmd.Process.Pid)}, args...)...).Run()
	}
	holder := exec.Command("unshare", "-n", "sleep", "60")
	if err := holder.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { holder.Process.Kill(); holder.Wait() }()
	made := func() bool {
		return in(holder, "ip", "link", "add", "tap", "type", "veth", "peer", "name", "peer") == nil
	}
	own, _ := os.Readlink("/proc/self/ns/net")
	b.until("there is a namespace", func() bool {
		ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", holder.Process.Pid))
		return err == nil && ns != own
	})
	if !made() {
		t.Skip("no veth interfaces here")
	}
	up := func() {
		t.Helper()
		for _, args := range [][]string{{"link", "set", "peer", "up"}, {"link", "set", "tap", "up"}, {"addr", "replace", "192.0.2.1/24", "dev", "tap"}} {
			if err := in(holder, append([]string{"ip"}, args...)...); err != nil {
				t.Fatalf("ip %v: %v", args, err)
			}
		}
	}
	up()
	b.inNamespaceOf = holder.Process.Pid
	cmd := b.process(nil)
	api := b.api()
	packets := func() uint64 {
		// An ARP request for each address that nobody has.
		in(holder, "bash", "-c", "echo x > /dev/udp/192.0.2.77/9")
		h, err := api.Health(t.Context())
		if err != nil {
			return 0
		}
		return h.Counters[protocol.CountPackets]
	}
	b.until("packets are captured", func() bool { return packets() > 0 })
	if err := in(holder, "ip", "link", "del", "tap"); err != nil {
		t.Fatal(err)
	}
	if !made() {
		t.Fatal("the interface does not come back")
	}
	up()
	before := packets()
	b.until("packets are captured again", func() bool { return packets() > before+2 })
	for _, got := range statuses(t, cmd.Process.Pid, "CapEff") {
		if got != "CapEff 0000000000003000" {
			t.Errorf("a thread has %s", got)
		}
	}
}
