package generator_test

import (
	"bytes"
	"flag"
	"go/format"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/generator"
	"github.com/protomicro/micro/internal/leakcheck"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	testdata   = "../testdata"
	modulePath = "github.com/protomicro/micro"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// golden calls f with the input of each golden folder.
func golden(t *testing.T, f func(t *testing.T, dir string, in *generator.Input)) {
	entries, err := os.ReadDir(testdata)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		dir := filepath.Join(testdata, entry.Name())
		t.Run(entry.Name(), func(t *testing.T) {
			params := "module=" + modulePath + "/testdata/" + entry.Name()
			if text, err := os.ReadFile(filepath.Join(dir, "params")); err == nil {
				params = strings.Join(strings.Fields(string(text)), ",")
			}
			in, err := generator.Compile(t.Context(), generator.Source{Files: []string{dir}}, params)
			if err != nil {
				t.Fatal(err)
			}
			f(t, dir, in)
		})
	}
}

func TestGolden(t *testing.T) {
	golden(t, func(t *testing.T, dir string, in *generator.Input) {
		files, err := in.Generate()
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			for name := range onDisk(t, dir) {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := generator.Write(t.Context(), dir, files); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(onDisk(t, dir), byName(files)); diff != "" {
			t.Errorf("the output is not the golden one (-want +got), run with -update to accept it:\n%s", diff)
		}
	})
}

// onDisk returns the generated files below dir.
func onDisk(t *testing.T, dir string) map[string]string {
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".pb.go") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func byName(files []generator.Output) map[string]string {
	texts := make(map[string]string)
	for _, file := range files {
		texts[file.Name] = string(file.Content)
	}
	return texts
}

func isStub(name string) bool { return strings.HasSuffix(name, "_micro.pb.go") }

func TestGolden_CompilesAndPassesVet(t *testing.T) {
	for _, args := range [][]string{{"build"}, {"build", "-tags=protoopaque"}, {"vet"}} {
		cmd := exec.CommandContext(t.Context(), "go", append(args, "./...")...)
		cmd.Dir = testdata
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func TestGolden_IsTidy(t *testing.T) {
	const columns, tab = 110, 4
	golden(t, func(t *testing.T, dir string, _ *generator.Input) {
		for name, text := range onDisk(t, dir) {
			if !isStub(name) {
				continue
			}
			formatted, err := format.Source([]byte(text))
			if err != nil || string(formatted) != text {
				t.Errorf("%s: gofmt would change it (%v)", name, err)
			}
			for i, line := range strings.Split(text, "\n") {
				width := len(strings.ReplaceAll(line, "\t", strings.Repeat(" ", tab)))
				if width > columns && !strings.Contains(line, "ARatherLongName") {
					t.Errorf("%s:%d: %d columns", name, i+1, width)
				}
			}
		}
	})
}

func TestGolden_FourKindsIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testdata, "fourkinds/weather/v1/weather_micro.pb.go"))
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(text, []byte("\n")); got > 80 {
		t.Errorf("a service with one method of each kind takes %d lines, want at most 80", got)
	}
}

// What the plugin answers is what Generate makes of the same request.
func TestRespond_SameStubs(t *testing.T) {
	golden(t, func(t *testing.T, dir string, in *generator.Input) {
		want := onDisk(t, dir)
		for name := range want {
			if !isStub(name) {
				delete(want, name)
			}
		}
		got := make(map[string]string)
		res := generator.Respond(wire(t, in.Request))
		if res.Error != nil {
			t.Fatal(res.GetError())
		}
		for _, file := range res.GetFile() {
			got[file.GetName()] = file.GetContent()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stubs (-golden +plugin):\n%s", diff)
		}
	})
}

// What is made of a file depends on it and what it imports alone, so that it does not matter which files are generated at once.
func TestGolden_SameForEachFileAlone(t *testing.T) {
	golden(t, func(t *testing.T, dir string, in *generator.Input) {
		want, got := onDisk(t, dir), make(map[string]string)
		for _, name := range in.Request.GetFileToGenerate() {
			path := filepath.Join(dir, filepath.FromSlash(name))
			alone, err := generator.Compile(t.Context(), generator.Source{Files: []string{path}, Dirs: []string{dir}},
				in.Request.GetParameter())
			if err != nil {
				t.Fatal(err)
			}
			files, err := alone.Generate()
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(got, byName(files))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("files (-all at once +each alone):\n%s", diff)
		}
	})
}

// wire returns req after a journey through a pipe.
func wire(t *testing.T, req *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorRequest {
	b, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	got := new(pluginpb.CodeGeneratorRequest)
	if err := proto.Unmarshal(b, got); err != nil {
		t.Fatal(err)
	}
	return got
}

// The messages are those of the protoc-gen-go in go.mod, to the byte, whoever has compiled the request.
func TestGenerate_SameMessagesAsProtocGenGo(t *testing.T) {
	plugin := filepath.Join(t.TempDir(), "protoc-gen-go")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", plugin, "google.golang.org/protobuf/cmd/protoc-gen-go")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	compilers := map[string]*pluginpb.Version{
		"none":   nil,
		"protoc": {Major: new(int32(6)), Minor: new(int32(33)), Patch: new(int32(0)), Suffix: new("rc1")},
	}
	golden(t, func(t *testing.T, _ string, in *generator.Input) {
		for name, version := range compilers {
			in.Request.CompilerVersion = version
			files, err := in.Generate()
			if err != nil {
				t.Fatal(err)
			}
			got := byName(files)
			for name := range got {
				if isStub(name) {
					delete(got, name)
				}
			}
			if diff := cmp.Diff(run(t, plugin, in.Request), got); diff != "" {
				t.Errorf("compiler %s: messages (-protoc-gen-go +generate):\n%s", name, diff)
			}
		}
	})
}

// run returns what a plugin makes of req, without the parameter that is ours alone.
func run(t *testing.T, plugin string, req *pluginpb.CodeGeneratorRequest) map[string]string {
	req = wire(t, req)
	req.Parameter = new(strings.ReplaceAll(req.GetParameter(), "package_suffix=micro", ""))
	in, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), plugin)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	res := new(pluginpb.CodeGeneratorResponse)
	if err := proto.Unmarshal(out, res); err != nil || res.Error != nil {
		t.Fatal(err, res.GetError())
	}
	texts := make(map[string]string)
	for _, file := range res.GetFile() {
		texts[file.GetName()] = file.GetContent()
	}
	return texts
}
