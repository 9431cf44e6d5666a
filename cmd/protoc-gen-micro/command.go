package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/protomicro/micro/generator"
)

const name = "protoc-gen-micro"

const usage = `protoc-gen-micro generates typed Go clients and servers from proto files.

As a plugin of protoc or buf, beside protoc-gen-go:
  protoc --go_out=. --micro_out=. weather/v1/weather.proto
  buf generate

By itself, for messages, clients and servers:
  protoc-gen-micro generate [-I dir]... [-o dir] [--opt key=value]... FILE|DIR...

  -I dir           look for imports in dir, and for a FILE that is not there; may be repeated.
                   Without it, in each DIR and in the working directory. The well-known types are
                   always there.
  -o dir           write below dir; the default is the working directory.
  --opt key=value  a parameter; may be repeated.

Parameters, for the plugin too:
  paths=source_relative  write beside the proto file, not where the Go package says
  module=example.com/m   leave this prefix out of the paths that Go packages say
  Mfile.proto=path       the Go package of file.proto, in the place of its go_package
  package_suffix=micro   stubs go to packages of their own, with this suffix
  default_api_level, apilevelMfile.proto, annotate_code
                         as protoc-gen-go has them

  --version  print the version
  --help     print this text
`

const notPlugin = "this is a plugin of protoc, which wants its request on standard input: run \"protoc --micro_out=DIR" +
	" FILE\", \"buf generate\", or without either \"protoc-gen-micro generate FILE\"; --help says more"

// A command is one run of the program.
type command struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run runs the command with the given arguments and returns its exit status.
func (c *command) run(ctx context.Context, args []string) int {
	if err := c.do(ctx, args); err != nil {
		c.report(err)
		return 1
	}
	return 0
}

func (c *command) do(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return c.plugin()
	}
	var err error
	switch args[0] {
	case "generate":
		err = c.generate(ctx, args[1:])
	case "--version", "-version":
		_, err = fmt.Fprintln(c.stdout, name, version())
	case "--help", "-help", "-h", "help":
		_, err = io.WriteString(c.stdout, usage)
	default:
		err = fmt.Errorf("unknown argument %q: try %s --help", args[0], name)
	}
	return err
}

// report prints err, one line per problem.
func (c *command) report(err error) {
	problems, ok := errors.AsType[generator.Problems](err)
	if !ok {
		problems = generator.Problems{{Message: err.Error()}}
	}
	var text strings.Builder
	for _, p := range problems {
		if p.File == "" {
			text.WriteString(name + ": ")
		}
		text.WriteString(p.String() + "\n")
	}
	_, _ = io.WriteString(c.stderr, text.String())
}

// version returns the version of the module that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// terminal says whether f is a terminal, or a device of that kind.
func terminal(f any) bool {
	file, ok := f.(*os.File)
	if !ok {
		return false
	}
	stat, err := file.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}
