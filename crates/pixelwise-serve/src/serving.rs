//! From addresses to answers, and from the start to the end.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::guard::{Access, Token, guard, no_such_method, nothing};
use crate::state::{Server, Settings};
use crate::{assets, digits, models, photos, shapes};

/// All addresses.
pub fn router(server: Arc<Server>) -> Router {
    let page = |name| get(move |headers| assets::page(name, headers));
    let api = Router::new()
        .route("/server", get(models::server))
        .route("/models", get(models::all))
        .route("/models/{model}", get(models::one))
        .route("/digits/samples", get(digits::samples))
        .route("/digits/frame", post(digits::frame))
        .route("/digits/flips", post(digits::flips))
        .route("/photos", post(photos::send))
        .route("/photos/{photo}/prepared.png", get(photos::prepared))
        .route("/photos/{photo}/file", get(photos::file))
        .route("/maps", post(photos::map))
        .route("/maps/{map}/{file}", get(photos::map_file))
        .route("/shapes", get(shapes::state))
        .route("/shapes/samples/{sample}", get(shapes::sample))
        .route("/shapes/frame", post(shapes::frame))
        .route("/shapes/frames/{frame}/words", get(shapes::words_at));
    Router::new()
        .route("/", page("index"))
        .route("/digits", page("digits"))
        .route("/photos", page("photos"))
        .route("/shapes", page("shapes"))
        .route("/assets/{name}", get(assets::part))
        .nest("/api", api)
        .fallback(nothing)
        .method_not_allowed_fallback(no_such_method)
        // Bodies are read within limits of their own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&server), guard))
        .with_state(server)
}

/// Serves until `end` comes: what is under way is answered, what waits is told to go.
async fn serve(
    listener: TcpListener,
    server: Arc<Server>,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let closing = Arc::clone(&server);
    let ending = async move {
        end.await;
        closing.work.close();
        closing.bodies.close();
    };
    axum::serve(listener, router(server)).with_graceful_shutdown(ending).await
}

/// Takes an address, and serves there until Ctrl-C.
///
/// # Errors
/// An address that can't be had.
pub fn run(address: SocketAddr, settings: Settings, announce: impl FnOnce(&str)) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    announce(&link(listener.local_addr()?, &settings.access));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let interrupted = async {
        // A system that has no Ctrl-C never ends by it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    runtime.block_on(serve(listener, Server::new(settings), interrupted))?;
    // What nobody waits for any more need not be finished.
    runtime.shutdown_background();
    Ok(())
}

/// The link to a server.
fn link(address: SocketAddr, access: &Access) -> String {
    match access {
        Access::ThisMachine => format!("http://{address}/"),
        Access::Token(token) => format!("http://{address}/?token={}", Token::text(token)),
    }
}
