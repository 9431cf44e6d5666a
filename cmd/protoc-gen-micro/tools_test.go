package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tool returns the path of a program that is not part of this module. Without it the test is skipped, or fails if the
// environment variable MICRO_REQUIRE_TOOLS is 1.
func tool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("MICRO_REQUIRE_TOOLS") == "1" {
		t.Fatalf("MICRO_REQUIRE_TOOLS=1, and %s is not on PATH", name)
	}
	t.Skipf("%s is not on PATH", name)
	return ""
}

// build returns a PATH whose first directory has the plugin.
func build(t *testing.T) string {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return "PATH=" + dir + string(filepath.ListSeparator) + os.Getenv("PATH")
}

// run runs a program in dir, with the given PATH.
func run(t *testing.T, dir, path, program string, args ...string) {
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
}

// cases are the golden folders whose proto files are older than what the tools may know.
var cases = []string{
	"alias", "awkward", "comments", "fourkinds", "idempotency", "imported", "mapped", "noservice", "proto2", "proto3", "relative", "suffix",
}

func params(t *testing.T, dir string) []string {
	text, err := os.ReadFile(filepath.Join(dir, "params"))
	if os.IsNotExist(err) {
		return []string{"module=github.com/protomicro/micro/testdata/" + filepath.Base(dir)}
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// goldenCase returns the directory of a golden folder, and its proto files and stubs relative to it.
func goldenCase(t *testing.T, name string) (dir string, protos []string, stubs map[string]string) {
	dir, err := filepath.Abs(filepath.Join("../../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for path := range tree(t, dir) {
		if strings.HasSuffix(path, ".proto") {
			protos = append(protos, path)
		}
	}
	return dir, protos, stubsIn(t, dir)
}

func stubsIn(t *testing.T, dir string) map[string]string {
	files := tree(t, dir)
	for path := range files {
		if !strings.HasSuffix(path, "_micro.pb.go") {
			delete(files, path)
		}
	}
	return files
}

func tree(t *testing.T, dir string) map[string]string {
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(dir, path)
		files[filepath.ToSlash(path)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The stubs are the same whoever calls the plugin.
func TestProtoc_SameStubs(t *testing.T) {
	protoc, path := tool(t, "protoc"), build(t)
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			dir, protos, want := goldenCase(t, name)
			out := t.TempDir()
			args := []string{"-I" + dir, "--micro_out=" + out}
			for _, param := range params(t, dir) {
				args = append(args, "--micro_opt="+param)
			}
			run(t, dir, path, protoc, append(args, protos...)...)
			if diff := cmp.Diff(want, stubsIn(t, out)); diff != "" {
				t.Errorf("stubs (-generate +protoc):\n%s", diff)
			}
		})
	}
}

func TestBuf_SameStubs(t *testing.T) {
	buf, path := tool(t, "buf"), build(t)
	for _, name := range append([]string{"edition2023", "edition2024opaque", "edition2024hybrid"}, cases...) {
		t.Run(name, func(t *testing.T) {
			dir, _, want := goldenCase(t, name)
			out := t.TempDir()
			config := "version: v2\nplugins:\n  - local: protoc-gen-micro\n    out: .\n    opt:\n"
			for _, param := range params(t, dir) {
				config += "      - " + param + "\n"
			}
			if err := os.WriteFile(filepath.Join(out, "buf.gen.yaml"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, out, path, buf, "generate", dir)
			if diff := cmp.Diff(want, stubsIn(t, out)); diff != "" {
				t.Errorf("stubs (-generate +buf):\n%s", diff)
			}
		})
	}
}
