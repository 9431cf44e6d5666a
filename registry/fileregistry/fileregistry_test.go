package fileregistry_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/registry/fileregistry"
	"github.com/protomicro/micro/registry/registrytest"
)

// childPath is the environment variable that makes the test binary a process which registers instances.
const childPath = "FILEREGISTRY_TEST_PATH"

const perChild = 20

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := registerMany(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	leakcheck.Main(m)
}

func registerMany(path string) error {
	r := fileregistry.New(path)
	for i := range perChild {
		if err := r.Register(context.Background(), instance(fmt.Sprintf("p%d-%02d", os.Getpid(), i))); err != nil {
			return err
		}
	}
	return nil
}

func instance(id string) registry.Instance {
	return registry.Instance{ID: id, Service: "weather", Addrs: []string{"tcp://10.0.0.7:8080"}}
}

func TestRegistry(t *testing.T) {
	registrytest.Run(t, func(t *testing.T) registrytest.Registry {
		r := fileregistry.New(filepath.Join(t.TempDir(), "registry.json"))
		r.Interval = time.Millisecond
		return r
	})
}

func TestRegistry_ProcessesRegisterAtOnce(t *testing.T) {
	const children = 3
	path := filepath.Join(t.TempDir(), "registry.json")
	var wg sync.WaitGroup
	for range children {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), childPath+"="+path)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	for set, err := range fileregistry.New(path).Watch(t.Context(), "weather") {
		if err != nil || len(set) != children*perChild {
			t.Errorf("%d instances, error %v; want %d", len(set), err, children*perChild)
		}
		break
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 2 {
		t.Errorf("left behind: %v, error %v; want the file and its lock", files, err)
	}
}

// A step changes the file and says what Watch yields next: IDs, or a part of an error.
type step struct {
	change    func(t *testing.T, path string)
	want, err string
}

func text(s string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

const (
	w1    = `{"id": "w1", "service": "weather", "addrs": ["tcp://h:1"]}`
	w2    = `{"id": "w2", "service": "weather", "addrs": ["tcp://h:2"]}`
	t1    = `{"id": "t1", "service": "time", "addrs": ["tcp://h:1"]}`
	noID  = `{"service": "weather", "addrs": ["tcp://h:1"]}`
	one   = `{"instances": [` + w1 + `]}`
	two   = `{"instances": [` + w2 + `, ` + w1 + `]}`
	other = `{"instances": [` + w1 + `, ` + t1 + `]}`
	none  = `{"instances": []}`
)

// TestRegistry_WatchSurvives has, after each step that is expected to yield nothing, a later one that does: an event too
// many fails there.
func TestRegistry_WatchSurvives(t *testing.T) {
	for name, steps := range map[string][]step{
		"half a file": {
			{text(one), "w1", ""},
			{text(two[:40]), "", "unexpected end of JSON input"},
			{text(two[:50]), "-", ""},
			{text(two), "w1 w2", ""},
		},
		"the same after half a file": {
			{text(one), "w1", ""},
			{text(one[:40]), "", "unexpected end of JSON input"},
			{text(one), "-", ""},
			{text(one[:30]), "", "unexpected end of JSON input"},
			{text(two), "w1 w2", ""},
		},
		"half a file first": {
			{text(one[:40]), "", "unexpected end of JSON input"},
			{text(one), "w1", ""},
		},
		"vanished file": {
			{text(two), "w1 w2", ""},
			{remove, "", "has vanished"},
			{func(*testing.T, string) {}, "-", ""},
			{text(two), "-", ""},
			{remove, "", "has vanished"},
			{text(one), "w1", ""},
		},
		"no file first": {
			{func(*testing.T, string) {}, "", ""},
			{text(none), "-", ""},
			{text(one), "w1", ""},
			{text(none), "", ""},
		},
		"another service": {
			{text(one), "w1", ""},
			{text(other), "-", ""},
			{text(none), "", ""},
		},
		"instances that are not": {
			{text(one), "w1", ""},
			{text(`{"instances": [` + noID + `]}`), "", `instances[0]: registry: instance of service "weather": the ID is empty`},
			{text(two), "w1 w2", ""},
			{text(strings.ReplaceAll(two, "w2", "w1")), "", `instances[1]: the ID "w1" stands twice`},
			{text(one), "w1", ""},
			{text(`{"instance": []}`), "", `there is no list called "instances"`},
			{text(none), "", ""},
			{text(`[]`), "", "cannot unmarshal array"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { follow(t, steps) })
		})
	}
}

// follow runs in a bubble: two seconds of its time are two polls of the file.
func follow(t *testing.T, steps []step) {
	path := filepath.Join(t.TempDir(), "registry.json")
	ctx, cancel := context.WithCancel(t.Context())
	type event struct{ ids, err string }
	events := make(chan event, len(steps)+1) // one step yields one event at most, and the test fails at the next
	watch := func() {
		for set, err := range fileregistry.New(path).Watch(ctx, "weather") {
			var ids []string
			for _, in := range set {
				ids = append(ids, in.ID)
			}
			e := event{ids: strings.Join(ids, " ")}
			if err != nil {
				e.err = err.Error()
			}
			events <- e
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i, s := range steps {
		s.change(t, path)
		if i == 0 {
			wg.Go(watch)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		select {
		case got := <-events:
			if got.ids != s.want || !strings.Contains(got.err, s.err) || (s.err == "") != (got.err == "") {
				t.Fatalf("step %d yields %+v, want IDs %q, error %q", i, got, s.want, s.err)
			}
		default:
			if s.want != "-" {
				t.Fatalf("step %d yields nothing, want IDs %q, error %q", i, s.want, s.err)
			}
		}
	}
}

func TestRegistry_RegisterLeavesAloneWhatItCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.json")
	text("not JSON")(t, path)
	err := fileregistry.New(path).Register(t.Context(), instance("w1"))
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Register = %v, want an error that names %s", err, path)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "not JSON" {
		t.Errorf("the file holds %q, error %v", got, err)
	}
}

func TestRegistry_FileIsForPeople(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.json")
	r := fileregistry.New(path)
	for _, id := range []string{"w2", "w1"} {
		if err := r.Register(t.Context(), instance(id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Deregister(t.Context(), "w2"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "instances": [
    {
      "id": "w1",
      "service": "weather",
      "addrs": [
        "tcp://10.0.0.7:8080"
      ]
    }
  ]
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, error %v, want 0644", info.Mode(), err)
	}
}

func TestRegistry_RegisterFollowsLinksAndKeepsTheMode(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target.json"), filepath.Join(dir, "link.json")
	if err := os.WriteFile(target, []byte(none), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := fileregistry.New(link).Register(t.Context(), instance("w1")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(target)
	if err != nil || !strings.Contains(string(got), `"w1"`) {
		t.Errorf("the target holds %s, error %v", got, err)
	}
	if info, err := os.Lstat(target); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, error %v, want 0600", info.Mode(), err)
	}
}

func TestRegistry_WaitingForTheLockEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.json")
	unlock := lock(t, path+".lock")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	err := fileregistry.New(path).Register(ctx, instance("w1"))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("Register = %v, want a deadline error that names the lock", err)
	}
	unlock()
	if err := fileregistry.New(path).Register(t.Context(), instance("w1")); err != nil {
		t.Errorf("Register = %v after the lock was released", err)
	}
}
