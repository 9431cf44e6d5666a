// Package archtest is the referee: it checks which way the imports run, and that some habits stay out.
package archtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// list returns what go list says of packages, on a system.
func list(t *testing.T, system string, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Name,Imports,Standard,Module"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(p.ImportPath, modulePath+"/testdata/") {
			pkgs = append(pkgs, p)
		}
	}
}

func TestArrows(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		pkgs := list(t, system, "./...")
		if len(pkgs) < 10 {
			t.Fatalf("%s: go list found only %d packages", system, len(pkgs))
		}
		for _, wrong := range arrows(pkgs) {
			t.Errorf("%s: %s", system, wrong)
		}
	}
}

// What imports runtime is small, whatever else this repository holds.
func TestRuntime_LinksLittle(t *testing.T) {
	deps := list(t, "linux", "-deps", "./runtime")
	if len(deps) < 50 {
		t.Fatalf("go list found only %d packages", len(deps))
	}
	for _, wrong := range linked(deps, append(carried(), protobuf), []string{"runtime/*", "registry/*", "generator", "cmd/*"}) {
		t.Error(wrong)
	}
}

// Generated code imports runtime, messages, and nothing else of this repository.
func TestGeneratedCode_ImportsRuntimeAlone(t *testing.T) {
	stubs := 0
	for name := range goFiles(t) {
		if !strings.HasSuffix(name, "_micro.pb.go") {
			continue
		}
		stubs++
		file, err := parser.ParseFile(token.NewFileSet(), root+"/"+name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !generatedMayImport(imported) {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
	if stubs < 2 {
		t.Errorf("found only %d files of generated code", stubs)
	}
}

func generatedMayImport(imported string) bool {
	name, ours := local(imported)
	return !ours || name == "runtime" || strings.HasPrefix(name, "testdata/") || strings.HasPrefix(name, "services/") ||
		strings.HasPrefix(name, "examples/") || strings.HasPrefix(name, "bench/")
}

// A referee that never whistles is none.
func TestArrows_Refuse(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"codec", "transport", ""},
		{"codec", "internal/workers", ""},
		{"codec", "runtime", "no arrow runs from codec to runtime"},
		{"codec", "codec/protorpc", "no arrow runs from codec to codec/protorpc"},
		{"codec/protorpc", "codec", ""},
		{"codec/protorpc", "codec/jsoncodec", "no arrow runs from codec/* to codec/jsoncodec"},
		{"codec/protorpc", "runtime", "no arrow runs from codec/* to runtime"},
		{"codec/connectformat", "net", ""},
		{"codec/connectformat", "net/http", "packages in codec/* do not know it"},
		{"codec/codectest", "codec/jsoncodec", ""},
		{"codec/codectest", "internal/leakcheck", ""},
		{"codec/codectest", "testing", ""},
		{"codec/codectest", "runtime", "no arrow runs from codec/* to runtime"},
		{"codec/jsoncodec", "codec/codectest", "only tests and their suites do"},
		{"codec/jsoncodec", "testing", "only tests and their suites do"},
		{"codec/jsoncodec", "google.golang.org/protobuf/proto", ""},
		{"transport/tcptransport", "codec", "no arrow runs from transport/* to codec"},
		{"transport/tcptransport", "google.golang.org/protobuf/proto", "packages in transport/* stand on no such module"},
		{"transport/httptransport", "net/http", ""},
		{"registry/memregistry", "registry", ""},
		{"registry/memregistry", "selector", "no arrow runs from registry/* to selector"},
		{"registry/registrytest", "github.com/google/go-cmp/cmp", ""},
		{"registry/memregistry", "github.com/google/go-cmp/cmp", "packages in registry/* stand on no such module"},
		{"selector", "registry", ""},
		{"registry", "selector", "no arrow runs from registry to selector"},
		{"status", "codec", "no arrow runs from status to codec"},
		{"runtime", "codec/protorpc", ""},
		{"runtime", "transport/httptransport", ""},
		{"runtime", "runtime/store", "no arrow runs from runtime to runtime/store"},
		{"runtime", "registry/fileregistry", "no arrow runs from runtime to registry/fileregistry"},
		{"runtime", "generator", "no arrow runs from runtime to generator"},
		{"runtime", "github.com/dave/jennifer/jen", "packages in runtime stand on no such module"},
		{"runtime/auth", "runtime", ""},
		{"runtime/store/filestore", "runtime/store", ""},
		{"runtime/store/filestore", "runtime/lock", "no arrow runs from runtime/* to runtime/lock"},
		{"runtime/store", "runtime/broker", "no arrow runs from runtime/* to runtime/broker"},
		{"generator", "github.com/dave/jennifer/jen", ""},
		{"generator", "runtime", "no arrow runs from generator to runtime"},
		{"generator", "status", "no arrow runs from generator to status"},
		{"cmd/protoc-gen-micro", "generator", ""},
		{"cmd/protoc-gen-micro", "runtime", "no arrow runs from cmd/* to runtime"},
		{"internal/workers", "runtime", "no arrow runs from internal/* to runtime"},
	} {
		to := c.to
		if _, ok := roomOf(to); ok || strings.HasPrefix(to, "runtime/") {
			to = modulePath + "/" + to
		}
		var want []string
		if c.want != "" {
			want = []string{c.from + " imports " + to + ": " + c.want}
		}
		got := arrows([]pkg{{ImportPath: modulePath + "/" + c.from, Imports: []string{to}}})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s imports %s (-want +got):\n%s", c.from, c.to, diff)
		}
	}
	homeless := arrows([]pkg{{ImportPath: modulePath + "/util", Imports: []string{"fmt"}}})
	if diff := cmp.Diff([]string{"util stands in no room: give it one in rooms()"}, homeless); diff != "" {
		t.Errorf("a package without a room (-want +got):\n%s", diff)
	}
}

func TestLinked_Refuses(t *testing.T) {
	module := func(path string) *struct{ Path string } { return &struct{ Path string }{path} }
	got := linked([]pkg{
		{ImportPath: "fmt", Standard: true},
		{ImportPath: "testing", Standard: true},
		{ImportPath: modulePath + "/codec", Module: module(modulePath)},
		{ImportPath: modulePath + "/runtime/store", Module: module(modulePath)},
		{ImportPath: modulePath + "/codec/codectest", Module: module(modulePath)},
		{ImportPath: protobuf + "/proto", Module: module(protobuf)},
		{ImportPath: "golang.org/x/tools/imports", Module: module("golang.org/x/tools")},
	}, []string{protobuf}, []string{"runtime/*"})
	want := []string{
		"testing is linked", "runtime/store is linked", "codec/codectest is linked", "golang.org/x/tools/imports is linked",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("linked (-want +got):\n%s", diff)
	}
}

func TestGeneratedCode_MayImport(t *testing.T) {
	for imported, want := range map[string]bool{
		"context":                           true,
		modulePath + "/runtime":             true,
		modulePath + "/testdata/imported/a": true,
		modulePath + "/codec":               false,
		modulePath + "/runtime/store":       false,
	} {
		if got := generatedMayImport(imported); got != want {
			t.Errorf("%s: %t, want %t", imported, got, want)
		}
	}
}
