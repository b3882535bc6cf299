//! Courses of events around the decisive lines.

use serde_json::{Value, json};

/// What surrounds the decisive lines.
pub(crate) enum Course {
    /// The container exits with this code; the lines are the application's.
    Exit(i32),
    /// A TCP check on this port fails; the lines are the application's.
    Tcp(u16),
    /// An HTTP check of this path on port 8080 fails; the lines are the application's.
    Http(&'static str),
    /// The build fails; the lines are its output.
    Build,
    /// The lines are what the event log says instead of a course.
    Events,
    /// The image was pulled and nothing started; the lines follow in the event log.
    Deploy,
    /// The service runs; the lines are the application's.
    Running,
    /// Everything succeeded; the lines are the application's.
    Success,
    /// As `Tcp(8080)`, with outgoing traffic through a VPC whose subnets have this default route.
    Vpc(&'static str),
    /// Pulling the source fails; the lines follow in the event log.
    Source,
}

impl Course {
    pub(crate) fn evidence(&self, lines: &[&str]) -> Value {
        let port = if let Self::Tcp(port) = self { *port } else { 8080 };
        let mut evidence = json!({
            "operation": if matches!(self, Self::Running) { "RUNTIME" } else { "CREATE_SERVICE" },
            "logs": self.logs(lines, port),
        });
        if let Self::Vpc(route) = self {
            evidence["service"] =
                json!({"NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC"}}});
            evidence["subnets"] =
                json!([{"SubnetId": "subnet-1", "DefaultRoute": route, "AvailableIpAddressCount": 200}]);
        }
        evidence
    }

    fn logs(&self, lines: &[&str], port: u16) -> Value {
        let mut events: Vec<String> = Vec::new();
        let mut say = |text: &str| events.push(format!("[AppRunner] {text}"));
        let begin = |say: &mut dyn FnMut(&str)| {
            say("Service creation started.");
            say("Service status is set to OPERATION_IN_PROGRESS.");
            say(
                "Deployment with ID : 0123456789abcdef0123456789abcdef started. Triggering event : SERVICE_CREATE",
            );
        };
        let end = |say: &mut dyn FnMut(&str)| {
            say("Deployment with ID : 0123456789abcdef0123456789abcdef failed.");
            say("Service creation failed. For details, see service logs.");
            say("Service status is set to CREATE_FAILED.");
        };
        let started = |say: &mut dyn FnMut(&str)| {
            begin(say);
            say("Successfully pulled your application image from ECR.");
            say("Provisioning instances and deploying image for publicly accessible service.");
        };
        let mut application: &[&str] = lines;
        let mut deployment: Vec<String> = Vec::new();
        match self {
            Self::Exit(code) => {
                started(&mut say);
                say("Performing health check on protocol `TCP` [Port: '8080'].");
                say(&format!(
                    "Your application stopped or failed to start. See logs for more information.  Container exit code: {code}"
                ));
                end(&mut say);
            }
            Self::Tcp(_) | Self::Vpc(_) => {
                started(&mut say);
                say(&format!("Performing health check on protocol `TCP` [Port: '{port}']."));
                say(&format!(
                    "Health check failed on protocol `TCP` [Port: '{port}']. Check your configured port number."
                ));
                end(&mut say);
            }
            Self::Http(path) => {
                started(&mut say);
                say(&format!("Performing health check on protocol `HTTP` [Path: '{path}'], [Port: '8080']."));
                say(&format!(
                    "Health check failed on protocol `HTTP`[Path: '{path}'], [Port: '8080']. Check your configured port number."
                ));
                end(&mut say);
            }
            Self::Build => {
                application = &[];
                begin(&mut say);
                say("Successfully pulled your application source code.");
                say("Starting source code build.");
                say(
                    "Failed to build your application source code. Reason: Failed to execute 'build' command.",
                );
                end(&mut say);
                deployment.push("[AppRunner] Starting to build your application source code.".to_owned());
                deployment.push("[Build] Step 6/7 : RUN build".to_owned());
                deployment.extend(lines.iter().map(|line| format!("[Build] {line}")));
            }
            Self::Source => {
                application = &[];
                begin(&mut say);
                say("Pulling source code from GITHUB Repository ( https://github.com/example-org/web ).");
                for line in lines {
                    say(line);
                }
                end(&mut say);
            }
            Self::Events => {
                application = &[];
                events.extend(lines.iter().map(|line| (*line).to_owned()));
            }
            Self::Deploy => {
                application = &[];
                begin(&mut say);
                say("Successfully pulled your application image from ECR.");
                for line in lines {
                    say(line);
                }
                end(&mut say);
            }
            Self::Running => (),
            Self::Success => {
                started(&mut say);
                say("Health check is successful. Routing traffic to application.");
                say("Service creation completed successfully.");
                say("Service status is set to RUNNING.");
            }
        }
        json!([
            {"group": "service", "stream": "events", "lines": events},
            {"group": "service", "stream": "deployment/0123456789abcdef0123456789abcdef", "lines": deployment},
            {"group": "application", "stream": "instance/1", "lines": application},
        ])
    }
}
