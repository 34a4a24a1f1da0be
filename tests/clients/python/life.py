"""A connector's life by kafka-connect-py (PyPI). usage: life.py URL FILE"""

import sys
import time

from kafka_connect import KafkaConnect

url, file = sys.argv[1:]
connect = KafkaConnect(url)
NAME = "python life"
CLASS = "org.apache.kafka.connect.file.FileStreamSinkConnector"
config = {"connector.class": CLASS, "topics": "python-life", "file": file, "tasks.max": "1"}


def check(what, holds):
    if not holds:
        raise SystemExit(f"python: {what}")


def wait(state):
    for _ in range(1200):
        status = connect.list_connectors(expand="status").get(NAME, {}).get("status", {})
        tasks = [task["state"] for task in status.get("tasks", [])]
        # A stopped connector has no tasks.
        if status.get("connector", {}).get("state") == state and tasks == ([] if state == "STOPPED" else [state]):
            return
        time.sleep(0.1)
    raise SystemExit(f"python: never {state}")


check("the worker says its version", connect.get_cluster_info()["version"])
check("plugins", any(plugin["class"] == CLASS for plugin in connect.list_connector_plugins()))
validated = connect.validate_connector_config("FileStreamSinkConnector", config)
check("a name is missing", validated["error_count"] == 1)
validated = connect.validate_connector_config("FileStreamSinkConnector", {**config, "name": NAME})
check("nothing is wrong", validated["error_count"] == 0)

connect.create_connector({"name": NAME, "config": config})
wait("RUNNING")
check("it is listed", NAME in connect.list_connectors())
check("by a pattern", NAME in connect.list_connectors(pattern="^python"))
check("by its state", NAME in connect.list_connectors(state="running"))
check("what it is", connect.get_connector(NAME)["type"] == "sink")
check("how it is configured", connect.get_connector_config(NAME)["file"] == file)
check("its status", connect.get_connector_status(NAME)["connector"]["state"] == "RUNNING")
check("its tasks", connect.list_connector_tasks(NAME)[0]["id"]["task"] == 0)
check("its task's status", connect.get_connector_task_status(NAME, 0)["state"] == "RUNNING")

connect.update_connector(NAME, {**config, "file": file + ".2"})
check("a new configuration", connect.get_connector_config(NAME)["file"] == file + ".2")
connect.pause_connector(NAME)
wait("PAUSED")
connect.resume_connector(NAME)
wait("RUNNING")
connect.restart_connector(NAME)
connect.restart_connector(NAME, include_tasks=True, only_failed=True)
connect.restart_connector_task(NAME, 0)
wait("RUNNING")
check("its topics", connect.list_connector_topics(NAME)[NAME] == {"topics": []})
connect.reset_connector_topics(NAME)
connect.stop_connector(NAME)
wait("STOPPED")
connect.delete_connector(NAME)
for _ in range(600):
    if NAME not in connect.list_connectors():
        break
    time.sleep(0.1)
check("it is gone", NAME not in connect.list_connectors())
