package rig

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

// usage is what a process has used.
type usage struct {
	CPU     time.Duration // user and system
	Mallocs uint64
}

// used returns what this process has used so far.
func used() usage {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.Mallocs}
}

func (u usage) since(before usage) usage {
	return usage{u.CPU - before.CPU, u.Mallocs - before.Mallocs}
}

// tick is the unit of /proc/stat.
const tick = 10 * time.Millisecond

// A clock tells when it was read, and how long the processors of the machine had been idle by then. That they are idle
// is measured; how busy they are is only sampled, which misses what runs for less than a tick.
type clock struct {
	at    time.Time
	idle  time.Duration
	known bool // idle is known
}

func readClock() clock {
	c := clock{at: time.Now()}
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c
	}
	var user, nice, system, idle, iowait int64
	_, err = fmt.Sscanf(string(stat), "cpu %d %d %d %d %d", &user, &nice, &system, &idle, &iowait)
	c.idle, c.known = time.Duration(idle+iowait)*tick, err == nil
	return c
}

// busySince returns how long the processors have been busy since before, all together.
func (c clock) busySince(before clock) time.Duration {
	return c.at.Sub(before.at)*time.Duration(runtime.NumCPU()) - (c.idle - before.idle)
}

// profiled runs f, and if args name a file writes profiles of it: FILE.cpu and FILE.allocs.
func profiled(args []string, f func() error) (err error) {
	if len(args) == 0 {
		return f()
	}
	runtime.MemProfileRate = 32 << 10 // bytes between samples: finer than the default, and still cheap
	out, err := os.Create(args[0] + ".cpu")
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, out.Close()) }()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	err = f()
	pprof.StopCPUProfile()
	return firstError(err, writeAllocs(args[0]+".allocs"))
}

func writeAllocs(name string) error {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	return firstError(pprof.Lookup("allocs").WriteTo(out, 0), out.Close())
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
