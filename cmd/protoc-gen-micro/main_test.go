package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/protomicro/micro/generator"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

func TestMain(m *testing.M) {
	testscript.Main(checked{m}, map[string]func(){"protoc-gen-micro": main})
}

// checked fails if goroutines are left when the tests have ended.
type checked struct{ *testing.M }

func (m checked) Run() int {
	code := m.M.Run()
	if left := leakcheck.Wait(5 * time.Second); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "goroutines are still running:\n\n%s\n", strings.Join(left, "\n\n"))
		return 1
	}
	return code
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"request": request,
			"answer":  answer,
		},
		Condition: func(condition string) (bool, error) {
			return condition == "root" && os.Geteuid() == 0, nil
		},
	})
}

// request OUT PARAMETER DIR writes to OUT what protoc would send to the plugin for the files in DIR.
func request(ts *testscript.TestScript, _ bool, args []string) {
	in, err := generator.Compile(context.Background(), generator.Source{Files: []string{ts.MkAbs(args[2])}}, args[1])
	ts.Check(err)
	b, err := proto.Marshal(in.Request)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// answer DIR does what protoc would do with the plugin's answer on standard output: it prints the error, or writes the files
// below DIR.
func answer(ts *testscript.TestScript, _ bool, args []string) {
	res := new(pluginpb.CodeGeneratorResponse)
	ts.Check(proto.Unmarshal([]byte(ts.ReadFile("stdout")), res))
	if res.GetSupportedFeatures() != 3 || res.GetMinimumEdition() != 998 || res.GetMaximumEdition() != 1001 {
		ts.Fatalf("features %d, editions %d to %d", res.GetSupportedFeatures(), res.GetMinimumEdition(), res.GetMaximumEdition())
	}
	if res.Error != nil {
		ts.Check(os.WriteFile(ts.MkAbs("error"), []byte(res.GetError()+"\n"), 0o644))
	}
	for _, file := range res.GetFile() {
		path := filepath.Join(ts.MkAbs(args[0]), filepath.FromSlash(file.GetName()))
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, []byte(file.GetContent()), 0o644))
	}
}
