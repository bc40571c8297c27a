"use strict";
// Charts answer to the pointer and the arrow keys; the replay plays. The page is whole without this program.
(() => {
  const known = JSON.parse(document.getElementById("data").textContent);

  function make(chart, name, attributes) {
    const made = document.createElementNS(chart.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function nearest(places, x) {
    let best = 0;
    places.forEach((place, index) => {
      if (Math.abs(place - x) < Math.abs(places[best] - x)) best = index;
    });
    return best;
  }

  function startChart(chart, facts) {
    const pointer = chart.querySelector(".pointer");
    const readout = document.getElementById(`${chart.id}-out`);
    const places = [...new Set(facts.series.flatMap((series) => series.x))].sort((a, b) => a - b);
    let now = -1;

    function show(index) {
      now = Math.max(0, Math.min(places.length - 1, index));
      const x = places[now];
      pointer.replaceChildren(make(chart, "line", { x1: x, x2: x, y1: facts.top, y2: facts.bottom }));
      const told = facts.series.map((series, number) => {
        const at = nearest(series.x, x);
        const look = chart.querySelectorAll(".line[points]")[number].getAttribute("class").replace("line", "");
        pointer.append(make(chart, "circle", { cx: series.x[at], cy: series.y[at], r: 4, class: look }));
        return `${series.name} after ${series.steps[at]} steps: ${series.text[at]}`;
      });
      pointer.removeAttribute("hidden");
      readout.textContent = told.join(" · ");
    }

    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      show(nearest(places, ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width));
    });
    chart.addEventListener("keydown", (event) => {
      const moves = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: places.length - 1 };
      if (!(event.key in moves)) return;
      event.preventDefault();
      show(moves[event.key]);
    });
  }

  function startPlayer(player, { pictures, words }) {
    const [picture, slider, readout] = ["img", "input", "output"].map((name) => player.querySelector(name));
    const play = player.querySelector("[data-action=play]");
    let timer = null;

    function show(number) {
      const now = Math.max(0, Math.min(pictures.length - 1, number));
      slider.value = now;
      slider.setAttribute("aria-valuetext", words[now]);
      picture.src = pictures[now];
      picture.alt = readout.textContent = words[now];
      return now;
    }

    function stop() {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
      play.setAttribute("aria-label", "play");
      readout.setAttribute("aria-live", "polite");
    }

    function start() {
      if (Number(slider.value) === pictures.length - 1) show(0);
      play.textContent = "Pause";
      play.setAttribute("aria-label", "pause");
      readout.setAttribute("aria-live", "off"); // a reader would not keep up
      timer = setInterval(() => {
        if (show(Number(slider.value) + 1) === pictures.length - 1) stop();
      }, 350);
    }

    const actions = {
      play: () => (timer === null ? start() : stop()),
      back: () => { stop(); show(Number(slider.value) - 1); },
      step: () => { stop(); show(Number(slider.value) + 1); },
    };
    player.addEventListener("click", (event) => actions[event.target.dataset.action]?.());
    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    show(0);
  }

  for (const [name, facts] of Object.entries(known.charts)) startChart(document.getElementById(name), facts);
  if (known.replay) startPlayer(document.getElementById("player"), known.replay);
  addEventListener("beforeprint", () => {
    for (const more of document.querySelectorAll("section#library details")) more.open = true;
  });
})();
