package generator_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/generator"
)

// compile compiles files, given by name.
func compile(t *testing.T, files map[string]string) (*generator.Input, error) {
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return generator.Compile(t.Context(), generator.Source{Files: []string{dir}}, "")
}

// stubs returns the stubs for files.
func stubs(t *testing.T, files map[string]string) map[string]string {
	in, err := compile(t, files)
	if err != nil {
		t.Fatal(err)
	}
	out, err := in.Generate()
	if err != nil {
		t.Fatal(err)
	}
	texts := byName(out)
	for name := range texts {
		if !isStub(name) {
			delete(texts, name)
		}
	}
	return texts
}

const head = "syntax = \"proto3\";\noption go_package = \"example.com/a\";\nmessage M {}\n"

var descriptor = regexp.MustCompile(`(?m)^(?:var|\t) ?(\w+) += runtime\.\w+\[`)

func TestStub_NamesOfDescriptors(t *testing.T) {
	for _, test := range []struct {
		services string // "Service.method Service.method"
		want     string
	}{
		{"Weather.Get", "weatherGet"},
		{"weather.get", "weatherGet"},
		{"weather_station.get_all", "weatherStationGetAll"},
		{"KV.Range", "kvRange"},
		{"CSINode.Get", "csiNodeGet"},
		{"OAuth2.Get", "oAuth2Get"},
		{"A.B", "aB"},
		{"type.func", "typeFunc"},
		{"_x._y", "xxXY"},
		{"Lock.ServiceGet LockService.Get Lock.Other", "lock_ServiceGet lockOther lockService_Get"},
		{"KV.Get Kv.Get", "kV_Get kv_Get"},
	} {
		services := make(map[string]string)
		var order []string
		for name := range strings.FieldsSeq(test.services) {
			service, method, _ := strings.Cut(name, ".")
			if services[service] == "" {
				order = append(order, service)
			}
			services[service] += " rpc " + method + "(M) returns (M);"
		}
		text := head
		for _, service := range order {
			text += "service " + service + " {" + services[service] + " }\n"
		}
		var got []string
		for _, match := range descriptor.FindAllStringSubmatch(stubs(t, map[string]string{"a.proto": text})["example.com/a/a_micro.pb.go"], -1) {
			got = append(got, match[1])
		}
		if diff := cmp.Diff(strings.Fields(test.want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.services, diff)
		}
	}
}

func TestStub_NamesOfImports(t *testing.T) {
	for _, test := range []struct {
		goPackages []string
		want       []string // import specs
	}{
		{[]string{"example.com/money"}, []string{`"example.com/money"`}},
		{[]string{"example.com/money/v1;moneyv1"}, []string{`moneyv1 "example.com/money/v1"`}},
		{[]string{"example.com/go-money"}, []string{`go_money "example.com/go-money"`}},
		{[]string{"example.com/b/v1", "example.com/c/v1"}, []string{`"example.com/b/v1"`, `cv1 "example.com/c/v1"`}},
		{[]string{"example.com/one/x/v1", "example.com/two/x/v1", "example.com/z/x/v1"}, []string{
			`"example.com/one/x/v1"`, `xv1 "example.com/two/x/v1"`, `xv12 "example.com/z/x/v1"`,
		}},
		{[]string{"example.com/x/context"}, []string{`xcontext "example.com/x/context"`}},
		{[]string{"example.com/x/runtime"}, []string{`xruntime "example.com/x/runtime"`}},
		{[]string{"example.com/x/error"}, []string{`xerror "example.com/x/error"`}},
		{[]string{"example.com/x/ctx"}, []string{`xctx "example.com/x/ctx"`}},
		{[]string{"example.com/x/init"}, []string{`xinit "example.com/x/init"`}},
		{[]string{"example.com/x;aCall0"}, []string{`acall0 "example.com/x"`}},           // the name of a descriptor
		{[]string{"example.com/x/cap/M"}, []string{`m "example.com/x/cap/M"`}},           // the name of a message
		{[]string{"example.com/x/money;Money"}, []string{`money "example.com/x/money"`}}, // the package has another name
		{[]string{"cloud.example/x"}, []string{`"cloud.example/x"`}},                     // sorts before context
	} {
		files := map[string]string{}
		text := head
		methods := ""
		for i, goPackage := range test.goPackages {
			name := "p" + string(rune('0'+i))
			files[name+".proto"] = "syntax = \"proto3\";\npackage " + name + ";\noption go_package = \"" + goPackage + "\";\nmessage M {}\n"
			text += "import \"" + name + ".proto\";\n"
			methods += " rpc Call" + name[1:] + "(" + name + ".M) returns (" + name + ".M);"
		}
		files["a.proto"] = text + "service A {" + methods + " }\n"
		source := stubs(t, files)["example.com/a/a_micro.pb.go"]
		if !strings.Contains(source, "import (\n\t\"context\"\n\n\t") {
			t.Errorf("%v: the imports do not start with the standard library:\n%s", test.goPackages, source)
		}
		var got []string
		for line := range strings.Lines(source) {
			if line = strings.TrimSpace(line); strings.HasSuffix(line, `"`) && !strings.Contains(line, `"context"`) &&
				!strings.Contains(line, "protomicro") {
				got = append(got, line)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.goPackages, diff)
		}
	}
}

// What stands in a comment must not end it, order something, or keep the file from being Go.
func TestStub_HostileComments(t *testing.T) {
	source := stubs(t, map[string]string{"a.proto": head + "service S {\n" +
		"// a\ufeffb \u2028 c */ d\n//go:build never\n//line x.go:1\n//\t\n rpc Get(M) returns (M);\n}\n"})["example.com/a/a_micro.pb.go"]
	for line := range strings.Lines(source) {
		if strings.HasPrefix(line, "//go:") || strings.HasPrefix(line, "//line") || strings.Contains(line, "\ufeff") {
			t.Errorf("a line of a comment got through: %q", line)
		}
	}
}

func TestStub_SameForEachRun(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		files[name+".proto"] = strings.ReplaceAll("syntax = \"proto3\";\npackage X;\noption go_package = \"example.com/X/v1\";\n"+
			"message M {}\nservice X { rpc Get(M) returns (M); }\n", "X", name)
	}
	files["z.proto"] = "syntax = \"proto3\";\nimport \"a.proto\";\nimport \"b.proto\";\nimport \"c.proto\";\nimport \"d.proto\";\n" +
		"option go_package = \"example.com/z\";\nservice Z { rpc A(b.M) returns (d.M); rpc B(c.M) returns (a.M); }\n"
	want := stubs(t, files)
	for range 10 {
		if diff := cmp.Diff(want, stubs(t, files)); diff != "" {
			t.Fatalf("two runs differ:\n%s", diff)
		}
	}
}

// The stubs of a file are the same whichever other files of its Go package are generated with it.
func TestStub_SameBesideOtherFiles(t *testing.T) {
	file := func(name, body string) string {
		return strings.ReplaceAll("syntax = \"proto3\";\npackage X;\noption go_package = \"example.com/p\";\n", "X", name) + body
	}
	dep := "syntax = \"proto3\";\npackage dep;\noption go_package = \"example.com/x/API;API\";\nmessage M {}\n"
	a := file("a", "import \"dep.proto\";\nservice Lock { rpc Get(dep.M) returns (dep.M); }\n")
	alone := stubs(t, map[string]string{"a.proto": a, "dep.proto": dep})
	beside := stubs(t, map[string]string{
		"a.proto": a, "dep.proto": dep,
		"b.proto": file("b", "message API {}\nservice Api { rpc Get(API) returns (API); }\n"),
	})
	const name = "example.com/p/a_micro.pb.go"
	if diff := cmp.Diff(alone[name], beside[name]); diff != "" || alone[name] == "" {
		t.Errorf("stubs (-alone +beside another file):\n%s", diff)
	}
}
