package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/protomicro/micro/generator"
)

// generate does what protoc does with protoc-gen-go and this plugin.
func (c *command) generate(ctx context.Context, args []string) error {
	var src generator.Source
	var params []string
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("I", "", func(dir string) error {
		src.Dirs = append(src.Dirs, dir)
		return nil
	})
	flags.Func("opt", "", func(param string) error {
		params = append(params, param)
		return nil
	})
	out := flags.String("o", ".", "")
	var literal []string // files, even if they look like flags
	if i := slices.Index(args, "--"); i >= 0 {
		args, literal = args[:i], args[i+1:]
	}
	for rest := spaced(args); len(rest) > 0; { // flags may stand between files
		err := flags.Parse(rest)
		if errors.Is(err, flag.ErrHelp) {
			_, err = io.WriteString(c.stdout, usage)
			return err
		}
		if err != nil {
			return fmt.Errorf("generate: %w: try %s --help", err, name)
		}
		if rest = flags.Args(); len(rest) > 0 {
			src.Files, rest = append(src.Files, rest[0]), rest[1:]
		}
	}
	src.Files = append(src.Files, literal...)
	if len(src.Files) == 0 {
		return fmt.Errorf("generate: no file or directory given: try %s --help", name)
	}

	progress := startProgress(c.stderr, terminal(c.stderr), time.Second)
	defer progress.stop()
	progress.say("compiling")
	in, err := generator.Compile(ctx, src, strings.Join(params, ","))
	if ctx.Err() != nil {
		return fmt.Errorf("generate: %w", context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	progress.say(fmt.Sprintf("generating code for %d files", len(in.Request.GetFileToGenerate())))
	files, err := in.Generate()
	if err != nil {
		return err
	}
	progress.say(fmt.Sprintf("writing %d files", len(files)))
	return generator.Write(ctx, *out, files)
}

// spaced returns args with a space in "-Idir", which is how people call protoc.
func spaced(args []string) []string {
	var spaced []string
	for _, arg := range args {
		if dir, ok := strings.CutPrefix(arg, "-I"); ok && dir != "" && dir[0] != '=' {
			spaced = append(spaced, "-I", dir)
		} else {
			spaced = append(spaced, arg)
		}
	}
	return spaced
}
