// Package leakcheck fails a test binary that leaves goroutines behind.
package leakcheck

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Main runs the tests of m and exits; it fails if goroutines are still running when all tests have ended.
func Main(m *testing.M) {
	code := m.Run()
	if left := Wait(5 * time.Second); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "leakcheck: %d goroutines are still running:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

// Wait returns the stacks of the goroutines that are still running after patience, other than the caller's and the
// testing package's own.
func Wait(patience time.Duration) []string {
	deadline := time.Now().Add(patience)
	for {
		left := running()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func running() []string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	var left []string
	stacks := strings.Split(string(buf), "\n\n")
	for _, stack := range stacks[1:] { // the first is the caller's
		if !ours(stack) {
			continue
		}
		left = append(left, stack)
	}
	return left
}

func ours(stack string) bool {
	for _, own := range []string{
		"testing.(*M)", "testing.tRunner", "testing.runFuzz", "internal/fuzz",
		"os/signal.signal_recv", "runtime.ensureSigM", "runtime.ReadTrace",
	} {
		if strings.Contains(stack, own) {
			return false
		}
	}
	return strings.TrimSpace(stack) != ""
}
