package doctor

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol"
)

var hostChecks = []Check{
	{Code: "host-arch", Group: "host", Title: "sensord is built for this machine", Run: checkArch},
	{Code: "host-clock", Group: "host", Title: "the clock is right", Run: checkClock},
	{Code: "host-caps", Group: "host", Title: "sensord may capture", Run: checkCaps},
}

// native lists, per ELF machine, what uname -m says where it runs without emulation. The second of a pair runs it as well.
var native = map[elf.Machine]struct {
	goarch string
	unames []string
}{
	elf.EM_X86_64:  {"amd64", []string{"x86_64"}},
	elf.EM_386:     {"386", []string{"i386", "i486", "i586", "i686", "x86_64"}},
	elf.EM_AARCH64: {"arm64", []string{"aarch64", "arm64"}},
	elf.EM_ARM:     {"arm", []string{"armv6l", "armv7l", "armv8l", "aarch64"}},
}

func checkArch(ctx context.Context, e *Env) Result {
	machine, err := e.Machine()
	if err != nil {
		return blocked(err.Error(), "uname -m; file $(which sensord)")
	}
	path, at := e.sensordProgram(ctx)
	if path == "" {
		return blocked("no sensord is installed in the usual places and none is running", "file $(which sensord) ; uname -m")
	}
	f, err := elf.Open(at)
	if isPermission(err) {
		return blocked("no right to read "+path, "sudo voipmon doctor --only host")
	}
	if err != nil {
		return failed(fmt.Sprintf("%s is no program: %v", path, err), "the download is damaged, or it is a script around sensord", "install sensord again")
	}
	defer f.Close()
	if base := filepath.Base(path); strings.HasPrefix(base, "qemu-") {
		return failed("sensord runs under the emulator "+base, "emulation is ten times slower and drops packets", otherProgram(machine))
	}
	n, known := native[f.Machine]
	if !known {
		return failed(fmt.Sprintf("%s is built for %s", path, f.Machine), "no sensord of ours is", otherProgram(machine))
	}
	for _, u := range n.unames {
		if u == machine {
			return ok("%s is built for %s, the machine is %s", path, n.goarch, machine)
		}
	}
	return failed(fmt.Sprintf("%s is built for %s, the machine is %s", path, n.goarch, machine),
		"it does not run here, or only emulated, ten times slower", otherProgram(machine))
}

// otherProgram is what to install on a machine.
func otherProgram(machine string) string {
	for _, n := range native {
		if n.unames[0] == machine || slices.Contains(n.unames, machine) && !strings.Contains(machine, "64") {
			return fmt.Sprintf("install the sensord for %s: the package whose name ends in _%s.deb, or that of your system", machine, debian(n.goarch))
		}
	}
	return "install the sensord for " + machine
}

// debian is the name of an architecture in the names of packages.
func debian(goarch string) string {
	switch goarch {
	case "386":
		return "i386"
	case "arm":
		return "armhf"
	}
	return goarch
}

// sensordProgram finds the program of the running sensor, else an installed one. at is where to open it: a program that was replaced,
// or that runs in a container, is not at its own path.
func (e *Env) sensordProgram(ctx context.Context) (path, at string) {
	if pid, err := peerPID(ctx, e.config().Socket); err == nil {
		at := e.path(fmt.Sprintf("/proc/%d/exe", pid))
		if exe, err := os.Readlink(at); err == nil {
			return strings.TrimSuffix(exe, " (deleted)"), at
		}
	}
	for _, p := range e.Programs {
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p, p
		}
	}
	return "", ""
}

// A clock may be off by clockWarn without harm, and by clockFail for a token's and a certificate's life.
const (
	clockWarn = 2 * time.Second
	clockFail = 60 * time.Second
)

func checkClock(ctx context.Context, e *Env) Result {
	const remedy = "timedatectl set-ntp true ; timedatectl"
	_, err := e.Hello(ctx)
	var p *protocol.Problem
	if errors.As(err, &p) && p.Code == protocol.CodeClockSkew {
		return failed(p.Title+": "+p.Detail, "times of calls would be wrong", remedy)
	}
	if err == nil {
		off := e.helloAt.Round(time.Millisecond)
		seen := fmt.Sprintf("%v from hosted's clock", off.Abs())
		switch {
		case off.Abs() > clockFail:
			return failed(seen, "times of calls are wrong by that much", remedy)
		case off.Abs() > clockWarn:
			return warning(seen, "times of calls are off by that much", remedy)
		}
		return ok("%s", seen)
	}
	synced, err := e.ClockSynced()
	switch {
	case err != nil:
		return blocked("hosted was not reached, and the kernel does not tell: "+err.Error(), "timedatectl")
	case !synced:
		return warning("no time service disciplines the clock (hosted was not reached to compare)", "it drifts by seconds a day", remedy)
	}
	return ok("disciplined, says the kernel (hosted was not reached to compare)")
}

// Capabilities by number, capabilities(7).
const (
	capNetAdmin = 12
	capNetRaw   = 13
)

func checkCaps(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err == nil && replays(h) {
		return skip("sensord replays files, which needs no right")
	}
	if e.onlyHEP() {
		return skip("sensord takes HEP only, which needs no right")
	}
	if isPermission(err) {
		return blocked("no right to use "+e.config().Socket, "sudo voipmon doctor --only host")
	}
	if err != nil {
		if os.Geteuid() == 0 {
			return ok("sensord is not running; started as you (root) it may")
		}
		return skip("sensord is not running")
	}
	pid, err := peerPID(ctx, e.config().Socket)
	if err != nil {
		return blocked(err.Error(), "sudo voipmon doctor --only host")
	}
	caps, err := e.effectiveCaps(pid)
	if err != nil {
		return blocked(err.Error(), fmt.Sprintf("grep CapEff /proc/%d/status", pid))
	}
	has := func(n int) bool { return caps>>n&1 != 0 }
	switch {
	case has(capNetRaw) && has(capNetAdmin):
		return ok("process %d has CAP_NET_RAW and CAP_NET_ADMIN", pid)
	case has(capNetRaw):
		return warning(fmt.Sprintf("process %d has CAP_NET_RAW, not CAP_NET_ADMIN", pid), "it captures, but cannot switch an interface to promiscuous mode",
			"systemctl edit sensord: AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN")
	}
	return failed(fmt.Sprintf("process %d lacks CAP_NET_RAW", pid), "the kernel lets nobody capture without it",
		"systemctl edit sensord: AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN ; or run it as root")
}

// effectiveCaps reads CapEff of /proc/PID/status.
func (e *Env) effectiveCaps(pid int) (uint64, error) {
	path := e.path(fmt.Sprintf("/proc/%d/status", pid))
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strconv.ParseUint(strings.TrimSpace(v), 16, 64)
		}
	}
	return 0, fmt.Errorf("%s has no line CapEff", path)
}

func isPermission(err error) bool { return errors.Is(err, fs.ErrPermission) }
