// Resolves a compose file as `docker compose config --format json` does, with the library that compose v2 is built on.
// The module's own command (cmd/main.go, v2.16.2) loads a model without the environment, so every ${VARIABLE} is missing
// there. Arguments: the compose files as COMPOSE_FILE has them (a:b), then env files as `--env-file` takes them. Profiles come from COMPOSE_PROFILES.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: compose COMPOSE_FILE [ENV_FILE...]"))
	}
	options, err := cli.NewProjectOptions(filepath.SplitList(os.Args[1]),
		cli.WithEnvFiles(os.Args[2:]...),
		cli.WithDotEnv,
		cli.WithOsEnv,
		cli.WithDefaultProfiles(),
		cli.WithResolvedPaths(true),
		cli.WithNormalization(true),
		cli.WithConsistency(true),
		cli.WithInterpolation(true),
	)
	if err != nil {
		fail(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		fail(err)
	}
	text, err := project.MarshalJSON()
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
