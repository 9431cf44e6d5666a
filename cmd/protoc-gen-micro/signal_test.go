//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// start starts the program in a new directory.
func start(t *testing.T, stdin io.Reader, args ...string) *exec.Cmd {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, name), args...)
	cmd.Dir, cmd.Stdin = t.TempDir(), stdin
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func wantSignal(t *testing.T, cmd *exec.Cmd, want syscall.Signal) {
	_ = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != want {
		t.Errorf("it ended with %v, want the signal %v", cmd.ProcessState, want)
	}
}

// A plugin that waits for its request ends at once.
func TestPlugin_EndsBySignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := start(t, r)
		_ = r.Close()
		if _, err := w.Write(make([]byte, 1<<20)); err != nil { // more than a pipe holds: the program reads
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		wantSignal(t, cmd, sig)
		_ = w.Close()
	}
}

// The first signal asks generate to leave nothing behind; one more ends it, whatever it is at.
func TestGenerate_EndsBySecondSignal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.proto")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := start(t, nil, "generate", "-o", "out", filepath.Dir(path))
	w, err := os.OpenFile(path, os.O_WRONLY, 0) // waits until the program reads
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	var signals sync.WaitGroup
	signals.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for cmd.Process.Signal(syscall.SIGTERM) == nil {
			<-tick.C
		}
	})
	wantSignal(t, cmd, syscall.SIGTERM)
	signals.Wait()
}

func TestGenerate_WritesNothingAfterContextEnds(t *testing.T) {
	dir := t.TempDir()
	text := "syntax = \"proto3\";\noption go_package = \"example.com/a\";\n"
	if err := os.WriteFile(filepath.Join(dir, "a.proto"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("terminated signal received"))
	var stdout, stderr strings.Builder
	c := command{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
	if code := c.run(ctx, []string{"generate", "-o", filepath.Join(dir, "out"), dir}); code != 1 {
		t.Errorf("the exit status is %d, want 1", code)
	}
	if want := name + ": generate: terminated signal received\n"; stderr.String() != want {
		t.Errorf("it printed %q, want %q", &stderr, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); !os.IsNotExist(err) {
		t.Errorf("it has written something (%v)", err)
	}
}
