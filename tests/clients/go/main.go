// A connector's life by github.com/go-kafka/connect. usage: life URL FILE
package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/go-kafka/connect"
)

const name = "go-life"

func check(what string, holds bool, err error) {
	if err != nil || !holds {
		fmt.Fprintf(os.Stderr, "go: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func wait(client *connect.Client, state string) {
	for range 1200 {
		status, _, err := client.GetConnectorStatus(name)
		if err == nil && status.Connector.State == state && len(status.Tasks) == 1 && status.Tasks[0].State == state {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	check("never "+state, false, nil)
}

func main() {
	client, file := connect.NewClient(os.Args[1]), os.Args[2]
	config := connect.ConnectorConfig{
		"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
		"topics":          "go-life", "file": file, "tasks.max": "1",
	}
	created := &connect.Connector{Name: name, Config: config}
	response, err := client.CreateConnector(created)
	check("it is created", err == nil && response.StatusCode == 201, err)
	wait(client, "RUNNING")
	names, _, err := client.ListConnectors()
	check("it is listed", slices.Contains(names, name), err)
	connector, _, err := client.GetConnector(name)
	check("its tasks", len(connector.Tasks) == 1 && connector.Tasks[0].ConnectorName == name, err)
	read, _, err := client.GetConnectorConfig(name)
	check("how it is configured", read["file"] == file, err)
	tasks, _, err := client.GetConnectorTasks(name)
	check("its tasks' configurations", len(tasks) == 1 && tasks[0].Config["file"] == file, err)

	config["file"] = file + ".2"
	changed, response, err := client.UpdateConnectorConfig(name, config)
	check("a new configuration", err == nil && response.StatusCode == 200 && changed.Config["file"] == file+".2", err)
	_, err = client.PauseConnector(name)
	check("a pause", true, err)
	wait(client, "PAUSED")
	_, err = client.ResumeConnector(name)
	check("a resume", true, err)
	wait(client, "RUNNING")
	response, err = client.RestartConnector(name)
	check("a restart", err == nil && response.StatusCode == 204, err)

	_, response, err = client.GetConnector("no-such")
	refused, is := err.(connect.APIError)
	check("what is not there", is && response.StatusCode == 404 && refused.Code == 404 && refused.Message != "", nil)
	response, err = client.DeleteConnector(name)
	check("it is deleted", err == nil && response.StatusCode == 204, err)
}
