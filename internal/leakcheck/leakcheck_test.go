package leakcheck_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/protomicro/micro/internal/leakcheck"
)

// childTest is the environment variable by which a test runs the test binary again, to see it fail.
const childTest = "LEAKCHECK_TEST_CHILD"

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestWait_TellsWhoIsLeft(t *testing.T) {
	quit, running := make(chan struct{}), make(chan struct{})
	go linger(running, quit)
	<-running
	left := leakcheck.Wait(0)
	if len(left) != 1 || !strings.Contains(left[0], "leakcheck_test.linger") {
		t.Errorf("%d goroutines are left, want linger alone:\n%s", len(left), strings.Join(left, "\n\n"))
	}
	close(quit)
	if left := leakcheck.Wait(10 * time.Second); len(left) != 0 {
		t.Errorf("after its end %d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
	}
}

func linger(running, quit chan struct{}) {
	close(running)
	<-quit
}

func TestWait_IsPatient(t *testing.T) {
	quit, running := make(chan struct{}), make(chan struct{})
	go linger(running, quit)
	<-running
	time.AfterFunc(50*time.Millisecond, func() { close(quit) })
	if left := leakcheck.Wait(10 * time.Second); len(left) != 0 {
		t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
	}
}

func TestWait_LeavesOutOtherTests(t *testing.T) {
	quit, running := make(chan struct{}), make(chan struct{})
	t.Run("group", func(t *testing.T) {
		t.Run("waiting", func(t *testing.T) {
			t.Parallel()
			linger(running, quit)
		})
		t.Run("looking", func(t *testing.T) {
			t.Parallel()
			<-running
			if left := leakcheck.Wait(0); len(left) != 0 {
				t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
			}
			close(quit)
		})
	})
}

func TestMain_FailsOnALeak(t *testing.T) {
	for _, test := range []struct{ child, want string }{
		{"TestChildLeaks", "leakcheck: 1 goroutines are still running"},
		{"TestChildIsClean", ""},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test.child+"$", "-test.v")
		cmd.Env = append(os.Environ(), childTest+"=1")
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), "--- PASS: "+test.child) {
			t.Errorf("%s did not pass by itself:\n%s", test.child, out)
		}
		if (err != nil) != (test.want != "") || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v, want %q in\n%s", test.child, err, test.want, out)
		}
	}
}

func TestChildLeaks(t *testing.T) {
	if os.Getenv(childTest) == "" {
		t.Skip("runs in a child process")
	}
	running := make(chan struct{})
	go linger(running, nil)
	<-running
}

func TestChildIsClean(t *testing.T) {
	if os.Getenv(childTest) == "" {
		t.Skip("runs in a child process")
	}
}
