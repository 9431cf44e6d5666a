package unixtransport_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/transporttest"
	"github.com/protomicro/micro/transport/unixtransport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// socketPath returns the path of a file that does not exist, in a directory whose name is short enough for sockets.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "unix") //nolint:usetesting // the names of t.TempDir are too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s.sock")
}

func TestTransport(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) (transport.Transport, string) { return unixtransport.Transport{}, socketPath(t) })
}

// stale leaves a socket file at path on which nobody answers.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
}

func TestListen_ReplacesAStaleSocket(t *testing.T) {
	path := socketPath(t)
	stale(t, path)
	var tr unixtransport.Transport
	l, err := tr.Listen(t.Context(), path)
	if err != nil {
		t.Fatalf("Listen = %v", err)
	}
	nc, err := tr.Dial(t.Context(), path)
	if err != nil {
		t.Fatalf("Dial = %v", err)
	}
	_ = nc.Close()
	_ = l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the file is there: %v", err)
	}
}

func TestListen_NeverDeletesOtherFiles(t *testing.T) {
	for name, create := range map[string]func(path string) error{
		"file":      func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":      func(path string) error { return os.Symlink("/nowhere", path) },
	} {
		path := socketPath(t)
		if err := create(path); err != nil {
			t.Fatal(err)
		}
		_, err := unixtransport.Transport{}.Listen(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "is not a socket") {
			t.Errorf("%s: Listen = %v, want an error that names %s and says what it is not", name, err, path)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s: it is gone: %v", name, err)
		}
	}
}

func TestListen_LongPath(t *testing.T) {
	path := filepath.Join(filepath.Dir(socketPath(t)), strings.Repeat("s", 200))
	var tr unixtransport.Transport
	if _, err := tr.Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "more than 103") {
		t.Errorf("Listen = %v, want an error that says that the path is too long", err)
	}
	if _, err := tr.Dial(t.Context(), path); err == nil || !strings.Contains(err.Error(), "more than 103") {
		t.Errorf("Dial = %v, want an error that says that the path is too long", err)
	}
}
