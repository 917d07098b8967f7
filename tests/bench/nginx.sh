# For benchmarks, by `.`: an nginx of one worker that answers 204 to everything, at $port; its process is $server. It
# lives in the folder $work; who started it ends it.
# shellcheck shell=bash disable=SC2154
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$work/nginx.conf" <<CONF
worker_processes 1;
pid $work/nginx.pid;
error_log $work/error.log;
worker_rlimit_nofile 60000;
events { worker_connections 30000; }
http {
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
    server { listen 127.0.0.1:$port backlog=20000; location / { return 204; } }
}
CONF
/usr/sbin/nginx -c "$work/nginx.conf" -g 'daemon off;' &
server=$!
until curl -s -o /dev/null "http://127.0.0.1:$port/"; do sleep 0.05; done
