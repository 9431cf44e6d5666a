// Package realtrees_test generates code for proto files that other projects have published, compiles it and calls it. The
// proto files come from the module cache, or the module proxy, when the test runs.
package realtrees_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	modulePath = "github.com/protomicro/micro"
	tempPath   = "realtrees.example" // of the module with the generated code
)

// A tree is a module with proto files, and how to generate code for them. $name stands for the directory of a module in
// modules, $tmp for that of the links.
type tree struct {
	name  string
	links map[string]string // where the proto files expect a directory to be, below $tmp
	dirs  []string          // -I
	files []string
	goPkg map[string]string // parameter M: Go package below the module of the test, by proto file
}

var modules = map[string]string{
	"cri":         "k8s.io/cri-api@v0.36.2",
	"csi":         "github.com/container-storage-interface/spec@v1.12.0",
	"conformance": "connectrpc.com/conformance@v1.0.7",
	"etcd":        "go.etcd.io/etcd/api/v3@v3.6.5",
	"gogo":        "github.com/gogo/protobuf@v1.3.2",                // etcd imports gogoproto/gogo.proto
	"gateway1":    "github.com/grpc-ecosystem/grpc-gateway@v1.16.0", // and google/api
	"gateway2":    "github.com/grpc-ecosystem/grpc-gateway/v2@v2.27.3",
}

var trees = []tree{
	{
		name:  "cri",
		dirs:  []string{"$cri/pkg/apis/runtime/v1"},
		files: []string{"$cri/pkg/apis/runtime/v1/api.proto"},
		goPkg: map[string]string{"api.proto": "cri;cri"},
	},
	{
		name:  "csi",
		dirs:  []string{"$csi"},
		files: []string{"$csi/csi.proto"},
		goPkg: map[string]string{"csi.proto": "csi"},
	},
	{
		name:  "conformance",
		files: []string{"$conformance/proto"},
		goPkg: map[string]string{
			"connectrpc/conformance/v1/client_compat.proto": "conformance",
			"connectrpc/conformance/v1/config.proto":        "conformance",
			"connectrpc/conformance/v1/server_compat.proto": "conformance",
			"connectrpc/conformance/v1/service.proto":       "conformance",
			"connectrpc/conformance/v1/suite.proto":         "conformance",
		},
	},
	{
		name:  "etcd",
		links: map[string]string{"etcd/api": "$etcd"},
		dirs: []string{
			"$etcd/etcdserverpb", "$tmp", "$gogo", "$gateway1/third_party/googleapis", "$gateway2",
		},
		files: []string{
			"$etcd/etcdserverpb", "$tmp/etcd/api/authpb/auth.proto", "$tmp/etcd/api/membershippb/membership.proto",
			"$tmp/etcd/api/mvccpb/kv.proto", "$tmp/etcd/api/versionpb/version.proto", "$gogo/gogoproto/gogo.proto",
			"$gateway1/third_party/googleapis/google/api/annotations.proto",
			"$gateway1/third_party/googleapis/google/api/http.proto",
			"$gateway2/protoc-gen-openapiv2/options/annotations.proto",
			"$gateway2/protoc-gen-openapiv2/options/openapiv2.proto",
		},
		goPkg: map[string]string{
			"rpc.proto":                                      "etcd/etcdserverpb",
			"etcdserver.proto":                               "etcd/etcdserverpb",
			"raft_internal.proto":                            "etcd/etcdserverpb",
			"etcd/api/authpb/auth.proto":                     "etcd/authpb",
			"etcd/api/membershippb/membership.proto":         "etcd/membershippb",
			"etcd/api/mvccpb/kv.proto":                       "etcd/mvccpb",
			"etcd/api/versionpb/version.proto":               "etcd/versionpb",
			"gogoproto/gogo.proto":                           "etcd/gogoproto",
			"google/api/annotations.proto":                   "etcd/google/api",
			"google/api/http.proto":                          "etcd/google/api",
			"protoc-gen-openapiv2/options/annotations.proto": "etcd/openapiv2",
			"protoc-gen-openapiv2/options/openapiv2.proto":   "etcd/openapiv2",
		},
	},
}

func TestPublishedTrees(t *testing.T) {
	if testing.Short() {
		t.Skip("downloads modules")
	}
	dirs := download(t)
	plugin := filepath.Join(t.TempDir(), "protoc-gen-micro")
	command(t, ".", "go", "build", "-o", plugin, modulePath+"/cmd/protoc-gen-micro")
	module := newModule(t)
	for _, tree := range trees {
		dirs["tmp"] = t.TempDir()
		command(t, ".", plugin, tree.args(t, module, dirs)...)
	}
	for _, name := range []string{"csi/csi_micro.pb.go", "conformance/service_micro.pb.go", "etcd/etcdserverpb/rpc_micro.pb.go"} {
		if _, err := os.Stat(filepath.Join(module, name)); err != nil {
			t.Error(err)
		}
	}

	text, err := os.ReadFile("testdata/cri/cri_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(module, "cri", "cri_test.go"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, module, "go", "build", "./...")
	command(t, module, "go", "vet", "./...")
	command(t, module, "go", "test", "-count=1", "./cri")
}

// args returns the arguments that generate the code of tree into the directory of the module.
func (tree *tree) args(t *testing.T, module string, dirs map[string]string) []string {
	expand := func(path string) string {
		return os.Expand(path, func(name string) string { return dirs[name] })
	}
	for link, target := range tree.links {
		link = filepath.Join(dirs["tmp"], link)
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(expand(target), link); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"generate", "-o", module, "--opt", "module=" + tempPath}
	for _, dir := range tree.dirs {
		args = append(args, "-I", expand(dir))
	}
	for file, goPkg := range tree.goPkg {
		args = append(args, "--opt", "M"+file+"="+tempPath+"/"+goPkg)
	}
	for _, file := range tree.files {
		args = append(args, expand(file))
	}
	return args
}

// download returns the directory of each of the modules in the module cache.
func download(t *testing.T) map[string]string {
	dirs := make(map[string]string)
	for name, module := range modules {
		var info struct {
			Dir   string `json:"Dir"`
			Error string `json:"Error"`
		}
		out := command(t, t.TempDir(), "go", "mod", "download", "-json", module)
		if err := json.Unmarshal(out, &info); err != nil || info.Dir == "" {
			t.Fatalf("go mod download %s: %v %s", module, err, info.Error)
		}
		dirs[name] = info.Dir
	}
	return dirs
}

// newModule returns the directory of a module that uses this checkout, with the same versions of everything.
func newModule(t *testing.T) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.Replace(string(text), "module "+modulePath, "module "+tempPath, 1))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command(t, dir, "go", "mod", "edit", "-require="+modulePath+"@v0.0.0", "-replace="+modulePath+"="+root)
	return dir
}

// command runs a program in dir and returns what it prints to standard output.
func command(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out, stderr.String())
	}
	return out
}
