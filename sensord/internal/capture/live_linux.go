package capture

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Live listens on interfaces, through one AF_PACKET ring each, and hands out their packets in the order of time as far
// as they are there. "any" is all interfaces. An interface that goes down or away is waited for, and so is one of several that is not
// there yet: Stats.Away has them.
func Live(ifaces []string, o LiveOptions) (Source, error) {
	if len(ifaces) == 0 {
		return nil, errors.New("no interface to capture on: name one, or any")
	}
	if len(ifaces) > math.MaxUint16 {
		return nil, fmt.Errorf("%d interfaces to capture on: at most %d", len(ifaces), math.MaxUint16)
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.RingBytes == 0 {
		o.RingBytes = defaultRing
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &live{o: o}
	var missing error
	for _, name := range ifaces {
		r := &ring{name: name, iface: l.count.input(name), size: max(o.RingBytes/len(ifaces), minRing)}
		err := r.open(&o)
		if err != nil && !(errors.Is(err, errNoInterface) && len(ifaces) > 1) {
			l.free()
			return nil, err
		}
		l.rings = append(l.rings, r)
		if err != nil {
			missing = err
			l.gone(r, "it does not exist")
		}
	}
	if !slices.ContainsFunc(l.rings, func(r *ring) bool { return !r.away }) {
		l.free()
		return nil, missing
	}
	var err error
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		l.free()
		return nil, fmt.Errorf("make an event descriptor: %w", err)
	}
	l.polls = make([]unix.PollFd, len(l.rings)+1)
	return l, nil
}

type live struct {
	o     LiveOptions
	rings []*ring
	polls []unix.PollFd
	wake  int // event descriptor that Close writes to
	count counts
	sure  int64     // packets up to this time have been handed over by every ring, nanoseconds since the epoch
	retry time.Time // when to look again for interfaces that went away

	closed atomic.Bool
	mu     sync.Mutex // guards the descriptors, which Stats and Close use beside the reader
}

func (l *live) Next(p *Packet) error {
	for {
		if l.closed.Load() {
			l.free()
			return ErrClosed
		}
		var first *ring
		empty := false
		for _, r := range l.rings {
			switch {
			case !r.ready():
				empty = true
			case first == nil || r.time < first.time:
				first = r
			}
		}
		if first != nil && (!empty || len(l.rings) == 1 || first.time <= l.sure) {
			if first.take(p) {
				l.count.packet(len(p.Data))
				return nil
			}
			continue
		}
		if first != nil && l.settle(first.time) {
			continue
		}
		l.count.publish()
		if err := l.wait(first); err != nil {
			p.Time = l.o.Clock.Now().UnixNano()
			if first != nil {
				p.Time = first.time // the time of what waits
			}
			return err
		}
	}
}

// settle says whether every ring has by now handed over what is as old as t or older: the kernel hands a block over late. The rings
// are to be looked at after it, not before: one that was empty may have been given that meanwhile.
func (l *live) settle(t int64) bool {
	l.sure = l.o.Clock.Now().UnixNano() - int64(handOver)
	return t <= l.sure
}

// wait waits until an empty ring has packets, the packet of first is settled, or Close or Wake is called. ErrIdle: there was
// no packet for 100 ms, or Wake was called.
func (l *live) wait(first *ring) error {
	timeout := idleAfter
	if first != nil {
		timeout = min(time.Duration(first.time-l.sure)+time.Millisecond, handOver)
	}
	for i, r := range l.rings {
		l.polls[i] = unix.PollFd{Fd: int32(r.fd), Events: unix.POLLIN} // a negative descriptor is passed over
		if r.left > 0 {
			l.polls[i].Fd = -1 // it has packets: others are waited for
		}
	}
	l.polls[len(l.rings)] = unix.PollFd{Fd: int32(l.wake), Events: unix.POLLIN}
	n, err := unix.Poll(l.polls, int(timeout/time.Millisecond))
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wait for packets: %w", err)
	}
	for i, r := range l.rings {
		if l.polls[i].Revents&(unix.POLLERR|unix.POLLNVAL|unix.POLLHUP) != 0 {
			l.trouble(r)
		}
	}
	l.lookAgain()
	if n == 0 && first == nil {
		return ErrIdle
	}
	if n == 0 {
		l.sure = first.time // it has waited, whatever the clock shows now
	}
	if l.polls[len(l.rings)].Revents&unix.POLLIN != 0 && !l.closed.Load() {
		var b [8]byte
		_, _ = unix.Read(l.wake, b[:]) // back to zero
		return ErrIdle
	}
	return nil
}

// Wake makes a Next that waits, else the next one that would wait, answer ErrIdle at once. Any goroutine may call it.
func (l *live) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake > 0 {
		_, _ = unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // an event descriptor takes it
	}
}

// trouble takes the error of a ring's socket: the interface has gone down, or away.
func (l *live) trouble(r *ring) {
	code, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if r.away {
		return
	}
	why := fmt.Sprint(err)
	if _, nowhere := net.InterfaceByName(r.name); nowhere != nil {
		why = "it does not exist any more"
	}
	l.gone(r, why)
}

// gone notes that nothing comes from an interface, and why.
func (l *live) gone(r *ring, why string) {
	r.away = true
	l.count.setAway(r.name, why)
	l.o.Log.Warn("nothing is captured there; waiting for the interface", "interface", r.name, "reason", why)
}

// lookAgain looks, once a second, whether interfaces that went away are there again. One that went down and came up goes
// on by itself; one that was removed and made anew has another number and needs a new ring.
func (l *live) lookAgain() {
	now := time.Time{}
	for _, r := range l.rings {
		if !r.away {
			continue
		}
		if now.IsZero() {
			if now = l.o.Clock.Now(); now.Before(l.retry) {
				return
			}
			l.retry = now.Add(time.Second)
		}
		i, err := net.InterfaceByName(r.name)
		if err != nil || i.Flags&net.FlagUp == 0 {
			continue
		}
		if i.Index != r.index {
			l.mu.Lock()
			l.drops(r)
			r.close()
			err := r.open(&l.o)
			l.mu.Unlock()
			if err != nil {
				continue
			}
		}
		r.away = false
		l.count.setAway(r.name, "")
		l.o.Log.Info("the interface is up, it is captured there", "interface", r.name)
	}
}

// drops adds what the kernel has dropped since it was last asked. l.mu is held.
func (l *live) drops(r *ring) {
	if r.fd < 0 {
		return
	}
	if st, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		l.count.drop.Add(uint64(st.Drops))
	}
}

func (l *live) Stats() Stats {
	l.mu.Lock()
	for _, r := range l.rings {
		l.drops(r)
	}
	l.mu.Unlock()
	return l.count.stats()
}

// Close ends the capture. The rings are freed by the reader when it next comes by, because it may be using their memory.
func (l *live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Swap(true) {
		return nil
	}
	if l.wake > 0 {
		_, _ = unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // an event descriptor takes it
	}
	return nil
}

func (l *live) free() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.rings {
		l.drops(r)
		r.close()
	}
	if l.wake > 0 {
		_ = unix.Close(l.wake)
		l.wake = 0
	}
}

// describe says what to do about an error of opening a ring.
func describe(name string, err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		self, _ := os.Executable()
		return fmt.Errorf("capture on %s: not permitted: run as root, or once: setcap cap_net_raw,cap_net_admin+ep %s", name, self)
	case errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("capture on %s: no memory for the ring: make it smaller (ringbuffer): %w", name, err)
	}
	return fmt.Errorf("capture on %s: %w", name, err)
}

var errNoInterface = errors.New("no such interface")

// noInterface says which interfaces there are.
func noInterface(name string) error {
	all, _ := net.Interfaces()
	names := []string{"any"}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return fmt.Errorf("capture on %s: %w: there are %s", name, errNoInterface, strings.Join(names, ", "))
}
