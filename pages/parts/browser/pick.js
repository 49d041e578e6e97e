// One picture chosen from several: radio buttons that look like pictures. Streamlit calls the default function
// again whenever its data changes, as it does after each choice; the same pictures are then left as they are.

const shown = new WeakMap(); // the group -> its pictures

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const group = parentElement.querySelector(".sheet");
  group.setAttribute("aria-label", data.label);
  group.style.setProperty("--mark", data.colour);
  const about = JSON.stringify(data.pictures);
  if (shown.get(group) !== about) {
    shown.set(group, about);
    group.replaceChildren(...data.pictures.map((picture, i) => choice(picture, i === data.chosen)));
  }
  group.onchange = (event) => setStateValue("chosen", [...group.children].indexOf(event.target.parentElement));
}

function choice({ src, alt }, chosen) {
  const [label, radio, image] = ["label", "input", "img"].map((tag) => document.createElement(tag));
  Object.assign(radio, { type: "radio", name: "picture", checked: chosen });
  Object.assign(image, { src, alt, title: alt });
  label.append(radio, image);
  return label;
}
